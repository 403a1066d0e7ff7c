#pragma once
// All of heddle.
#include "heddle/chan.hpp"
#include "heddle/mutex.hpp"
#include "heddle/runtime.hpp"
#include "heddle/wait_group.hpp"
