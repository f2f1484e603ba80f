# How every file of this project is compiled: language, warnings, hardening, sanitizers.
include(CheckCCompilerFlag)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# PIC for all: the daemon is a PIE, and the aggregators are also linked as a shared object to show that
# they need nothing but libc. Hidden visibility makes PIC as cheap as PIE.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

# Threads are used in most folders; with glibc >= 2.34 this adds nothing to the link line.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_compile_definitions(_GNU_SOURCE KPID_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -fno-omit-frame-pointer)
if(KPID_WERROR)
    add_compile_options(-Werror)
endif()
include_directories(${PROJECT_SOURCE_DIR})

# Loops over the columns of leaves and the fields of records: a tenth of the processor time of a start (bench_restart), whatever
# a packager's flags say.
add_compile_options($<$<NOT:$<CONFIG:Debug>>:-O3>)

if(KPID_LTO AND NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "KPID_LTO needs gcc: configure with CC=gcc, or without it")
endif()

add_compile_options(-fstack-protector-strong)
check_c_compiler_flag(-fstack-clash-protection KPID_HAS_STACK_CLASH)
if(KPID_HAS_STACK_CLASH)
    add_compile_options(-fstack-clash-protection)
endif()
check_c_compiler_flag(-fcf-protection KPID_HAS_CF_PROTECTION)
if(KPID_HAS_CF_PROTECTION)
    add_compile_options(-fcf-protection)
endif()
add_link_options(-Wl,-z,relro,-z,now)

if(KPID_SANITIZE)
    # Fortify hides the very calls that the sanitizers watch, so it is left out here.
    add_compile_options(-fsanitize=${KPID_SANITIZE} -fno-sanitize-recover=all)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # With a sanitizer's checks in between, gcc no longer sees the ranges that these warnings judge by; the builds
        # without one do judge.
        add_compile_options(-Wno-format-truncation -Wno-format-overflow -Wno-maybe-uninitialized)
    endif()
    add_link_options(-fsanitize=${KPID_SANITIZE})
    if(KPID_SANITIZE MATCHES "thread")
        # Into every program: see there.
        add_library(tsan_threads OBJECT tests/support/tsan_threads.c)
        link_libraries($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:tsan_threads>)
    endif()
elseif(NOT KPID_COVERAGE)
    add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()

if(KPID_COVERAGE)
    add_compile_options(--coverage -O0)
    add_link_options(--coverage)
    check_c_compiler_flag(-fprofile-update=atomic KPID_HAS_ATOMIC_PROFILE)
    if(KPID_HAS_ATOMIC_PROFILE)
        add_compile_options(-fprofile-update=atomic)
    endif()
endif()

if(KPID_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "KPID_FUZZ needs clang: configure with CC=clang")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
