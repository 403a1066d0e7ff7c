#pragma once
// The world as queues/ needs it; heddle/detail/world.hpp has the table of what a world provides.
//
// fence_light() and fence_heavy() are the two sides of an asymmetric store-load fence (C++ paper P1202). A light fence
// orders nothing by itself; a heavy fence makes every other thread pass a full fence at some point during the call, and
// is itself a full fence before and after. So where two threads each store and then load what the other stores, a light
// fence between the two on the frequent side and a heavy one on the side that is about to sleep forbid that both loads
// miss both stores:
//   frequent side      side that is about to sleep
//   store x            store y
//   fence_light        fence_heavy
//   load y             load x              at least one of the two loads sees the other side's store
#include "heddle/detail/world.hpp"

#ifndef HEDDLE_WORLD_HEADER
#include "queues/world_os.hpp"
#endif
