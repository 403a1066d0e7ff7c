#pragma once
// The world as queues/ needs it; heddle/detail/world.hpp has the table.
//
// fence_light() and fence_heavy() are the two sides of an asymmetric store-load fence (C++ paper P1202). A light fence
// orders nothing by itself; a heavy fence makes every other thread pass a full fence at some point during the call, and
// is itself a full fence before and after. So for a store-load pair on each side, light on the frequent side and heavy
// on the side that is about to sleep forbid that both loads miss both stores.
#include "heddle/detail/world.hpp"

#ifndef HEDDLE_WORLD_HEADER
#include "queues/world_os.hpp"
#endif
