# How the test programs of queues/, sched/ and runtime/ are declared.
find_package(GTest REQUIRED)
find_package(rapidcheck REQUIRED)  # librapidcheck-dev; its package file names the library and the include folder

# heddle_test(NAME LABEL [ARGUMENT...]): the test NAME runs the program NAME. A test is ended after half an hour: that finds what hangs,
# and no machine is too slow or too busy for it.
function(heddle_test name label)
  add_test(NAME ${name} COMMAND ${name} ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 1800)
endfunction()

# heddle_test_program(NAME SOURCE...): a program of GoogleTest cases.
function(heddle_test_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE heddle_inside heddle_build rapidcheck GTest::gtest_main)
  heddle_precompile(${name} test_headers ${PROJECT_SOURCE_DIR}/runtime/test/test_support.hpp <rapidcheck.h> <gmock/gmock.h>)
endfunction()

# heddle_add_shards(NAME PROGRAM LABEL COUNT ENVIRONMENT [ARGUMENT...]): the cases of a program as COUNT tests, so that they use several
# processors.
function(heddle_add_shards name program label count environment)
  foreach(shard RANGE 1 ${count})
    math(EXPR index "${shard} - 1")
    add_test(NAME ${name}_${shard} COMMAND ${program} ${ARGN})
    set_tests_properties(${name}_${shard} PROPERTIES LABELS ${label} TIMEOUT 1800
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${count};GTEST_SHARD_INDEX=${index};${environment}")
  endforeach()
endfunction()

# heddle_test_shards(NAME LABEL COUNT [ARGUMENT...]): the cases of the program NAME.
function(heddle_test_shards name label count)
  heddle_add_shards(${name} ${name} ${label} ${count} "" ${ARGN})
endfunction()

# heddle_test_again(NAME COUNT [ARGUMENT...]): the cases of the program NAME once more, each twice in one process, and before each of
# them a runtime that shares static objects with all the others (runtime/test/earlier_runtime.cpp).
function(heddle_test_again name count)
  heddle_add_shards(${name}_again ${name} again ${count} HEDDLE_EARLIER_RUNTIME=1 --gtest_repeat=2 ${ARGN})
endfunction()
