# How every target of the project is built: warnings as errors, hardening, sanitizers, clang-tidy.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(TCPFLEET_SANITIZE "" CACHE STRING "Sanitizers of this build, as -fsanitize= takes them")
option(TCPFLEET_TIDY "Run clang-tidy with every compilation" OFF)

find_program(TCPFLEET_CCACHE ccache)
if(TCPFLEET_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${TCPFLEET_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${TCPFLEET_CCACHE})
endif()

# A gRPC test under a sanitizer takes 16 s and 700 MB to link or compile: keep links apart.
set_property(GLOBAL PROPERTY JOB_POOLS link=1)
set(CMAKE_JOB_POOL_LINK link)

add_library(tcpfleet_options INTERFACE)
target_include_directories(tcpfleet_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(tcpfleet_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(tcpfleet_options INTERFACE -Wthread-safety)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(tcpfleet_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
  # GCC 12 sees overlapping copies in std::string's operator+ (GCC bug 105651).
  target_compile_options(tcpfleet_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  target_link_options(tcpfleet_options INTERFACE -Wl,-z,relro,-z,now)
endif()
if(TCPFLEET_SANITIZE)
  # The vptr check looks at memory through a pipe, so it calls every object broken once descriptors have run out, which
  # some tests bring about.
  target_compile_options(tcpfleet_options INTERFACE
    -fsanitize=${TCPFLEET_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
  target_link_options(tcpfleet_options INTERFACE -fsanitize=${TCPFLEET_SANITIZE})
  # A third of ld's time for each of some hundred programs.
  find_program(TCPFLEET_LLD ld.lld)
  if(TCPFLEET_LLD)
    target_link_options(tcpfleet_options INTERFACE -fuse-ld=lld)
  endif()
  if(TCPFLEET_SANITIZE MATCHES "thread")
    target_compile_options(tcpfleet_options INTERFACE
      "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include ${CMAKE_CURRENT_LIST_DIR}/tsan_protobuf_abi.h>")
  endif()
endif()

# tcpfleet_add_library(NAME SRCS file... [DEPS target...]): one room.
function(tcpfleet_add_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS})
  target_link_libraries(${name} PUBLIC tcpfleet_options ${ARG_DEPS})
  tcpfleet_lint(${name})
endfunction()

# tcpfleet_add_executable(NAME SRCS file... [DEPS target...])
function(tcpfleet_add_executable name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE tcpfleet_options ${ARG_DEPS})
  tcpfleet_lint(${name})
endfunction()

# tcpfleet_add_program(NAME SRCS file... [DEPS target...]): what users run; installed, and built into bin/ side by side.
function(tcpfleet_add_program name)
  tcpfleet_add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

function(tcpfleet_lint name)
  if(TCPFLEET_TIDY)
    set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY "clang-tidy;--quiet")
  endif()
endfunction()
