# tcpfleet_add_test(NAME SRCS file... [DEPS target...] [LABEL unit|integration|e2e] [ALONE] [OWN_NETWORK]): one
# GoogleTest executable whose main() is tests/support/test_main.cc. `ctest -L LABEL` selects; default unit. ALONE: no
# other test at the same time, also with ctest -j. OWN_NETWORK: in a network namespace of its own, where it may make one.
function(tcpfleet_add_test name)
  cmake_parse_arguments(ARG "ALONE;OWN_NETWORK" "LABEL" "SRCS;DEPS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  set(timeout_unit 30)
  set(timeout_integration 120)
  set(timeout_e2e 300)
  if(NOT DEFINED timeout_${ARG_LABEL})
    message(FATAL_ERROR "${name}: LABEL must be unit, integration or e2e, not '${ARG_LABEL}'")
  endif()
  if(ARG_OWN_NETWORK)
    list(APPEND ARG_SRCS ${PROJECT_SOURCE_DIR}/tests/support/own_network_main.cc)
  endif()
  tcpfleet_add_executable(${name} SRCS ${ARG_SRCS} DEPS ${ARG_DEPS} tcpfleet_tests_support)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${timeout_${ARG_LABEL}}
                                  RUN_SERIAL ${ARG_ALONE})
endfunction()

# tcpfleet_add_fuzzer(NAME SRCS file... [DEPS target...]): one libFuzzer executable that `ctest -L fuzz` runs for
# a few seconds. It starts from corpus/NAME beside the CMakeLists.txt and keeps what it finds in the build tree.
function(tcpfleet_add_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  if(ARG_OWN_NETWORK)
    list(APPEND ARG_SRCS ${PROJECT_SOURCE_DIR}/tests/support/own_network_main.cc)
  endif()
  tcpfleet_add_executable(${name} SRCS ${ARG_SRCS} DEPS ${ARG_DEPS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set(found ${CMAKE_CURRENT_BINARY_DIR}/corpus/${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME fuzz.${name} COMMAND ${name} -max_total_time=5 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1
           ${found} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 60)
endfunction()

if(TCPFLEET_FUZZ)
  target_compile_options(tcpfleet_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
