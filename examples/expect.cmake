# cmake -DPROGRAM=... -DEXPECTED=... [-DSTATUS=n] -P expect.cmake
# Runs PROGRAM and compares what it prints - standard output, then standard error - with the file EXPECTED, to the byte.
# STATUS: the exit status that is wanted, 0 by default. REPORT: addresses, times and folders are made equal first.
if(NOT DEFINED STATUS)
  set(STATUS 0)
endif()
execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE errors)
file(READ ${EXPECTED} expected)
if(REPORT)
  string(REGEX REPLACE "0x[0-9a-f]+" "0x" errors "${errors}")
  string(REGEX REPLACE ", [0-9.]+ (ms|s)\\]" ", 0 ms]" errors "${errors}")
  string(REGEX REPLACE "started at [^\n]*/" "started at " errors "${errors}")
endif()
if(NOT status STREQUAL STATUS)
  message(FATAL_ERROR "exit status ${status}, expected ${STATUS}; it printed:\n${output}${errors}")
endif()
if(NOT "${output}${errors}" STREQUAL "${expected}")
  message(FATAL_ERROR "it printed:\n${output}${errors}\nexpected (${EXPECTED}):\n${expected}")
endif()
