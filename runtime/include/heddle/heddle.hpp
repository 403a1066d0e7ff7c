#pragma once
// All of heddle.
#include "heddle/barrier.hpp"
#include "heddle/blocking.hpp"
#include "heddle/chan.hpp"
#include "heddle/condition_variable.hpp"
#include "heddle/latch.hpp"
#include "heddle/mutex.hpp"
#include "heddle/once.hpp"
#include "heddle/runtime.hpp"
#include "heddle/semaphore.hpp"
#include "heddle/shared_mutex.hpp"
#include "heddle/thread.hpp"
#include "heddle/wait_group.hpp"
