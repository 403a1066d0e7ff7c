// In a Debug build the linker puts these in the place of the C library's (CMakeLists.txt), so that a goroutine that
// holds a std::mutex where it should give way is found.
#include <pthread.h>

#include "heddle/detail/preemptible.hpp"

using heddle::detail::mutex_held;

extern "C" {

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);

[[gnu::visibility("hidden")]] int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
  const int error = __real_pthread_mutex_lock(mutex);
  if (error == 0) mutex_held(1);
  return error;
}
[[gnu::visibility("hidden")]] int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex) {
  const int error = __real_pthread_mutex_trylock(mutex);
  if (error == 0) mutex_held(1);
  return error;
}
[[gnu::visibility("hidden")]] int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
  const int error = __real_pthread_mutex_unlock(mutex);
  if (error == 0) mutex_held(-1);
  return error;
}
}
