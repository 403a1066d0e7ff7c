#pragma once
// All of heddle.
#include "heddle/blocking.hpp"
#include "heddle/chan.hpp"
#include "heddle/mutex.hpp"
#include "heddle/runtime.hpp"
#include "heddle/thread.hpp"
#include "heddle/wait_group.hpp"
