# What makes our own builds fast (HEDDLE_FAST_BUILD, which some presets set): the library's sources are compiled several at a time,
# and the programs share precompiled headers. The other presets and ./dev matrix compile each file alone.
if(HEDDLE_FAST_BUILD)
  set_target_properties(heddle heddle_shared PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
  # The os world's files include headers of the system, with names such as close; each is compiled alone.
  file(GLOB alone ${PROJECT_SOURCE_DIR}/sched/os/*.cpp ${PROJECT_SOURCE_DIR}/runtime/os/*.cpp)
  set_source_files_properties(${alone} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endif()

# heddle_precompile(TARGET FOR HEADER...): TARGET takes the compiled headers from the library of the name FOR, made on first use.
# All targets that share one must be compiled with the same options and definitions.
function(heddle_precompile target for)
  if(NOT HEDDLE_FAST_BUILD)
    return()
  endif()
  if(NOT TARGET ${for})
    file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/${for}.cpp CONTENT "// Holds nothing: the headers are precompiled for it.\n")
    add_library(${for} OBJECT ${PROJECT_BINARY_DIR}/${for}.cpp)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    target_link_libraries(${for} PRIVATE ${libraries})
    target_precompile_headers(${for} PRIVATE ${ARGN})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${for})
endfunction()
