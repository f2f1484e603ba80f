# The libraries that kpid stands on; docs/dependencies.md says why each of them. All are Debian packages;
# `./dev setup` installs them.
find_package(PkgConfig REQUIRED)

pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka>=2.0.2)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(libyaml REQUIRED IMPORTED_TARGET yaml-0.1>=0.2.5)
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(libssl REQUIRED IMPORTED_TARGET libssl>=3.0)
pkg_check_modules(libcrypto REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(libmicrohttpd REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(lmdb REQUIRED IMPORTED_TARGET lmdb>=0.9.24)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd>=252)
if(KPID_ALLOCATOR STREQUAL "jemalloc")
    pkg_check_modules(jemalloc REQUIRED jemalloc)
endif()

# xxhash is used from its header alone (XXH_INLINE_ALL in the file that hashes), so that the aggregators link
# with libc and nothing else.
find_path(KPID_XXHASH_INCLUDE xxhash.h REQUIRED)

# yyjson: packaged from Debian 13 on. On Debian 12 `./dev setup` unpacks Debian 13's package below
# <cache>/yyjson, and it is taken from there (found at run time by its path in the build tree, and by
# /usr/lib/kpid where kpid is installed).
if(DEFINED ENV{KPID_CACHE})
    set(kpid_cache "$ENV{KPID_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(kpid_cache "$ENV{XDG_CACHE_HOME}/kpid")
else()
    set(kpid_cache "$ENV{HOME}/.cache/kpid")
endif()
find_path(KPID_YYJSON_INCLUDE yyjson.h HINTS ${kpid_cache}/yyjson/usr/include)
find_library(KPID_YYJSON_LIBRARY NAMES yyjson
    HINTS ${kpid_cache}/yyjson/usr/lib/${CMAKE_C_LIBRARY_ARCHITECTURE} ${kpid_cache}/yyjson/usr/lib)
if(NOT KPID_YYJSON_INCLUDE OR NOT KPID_YYJSON_LIBRARY)
    message(FATAL_ERROR "yyjson is missing: run ./dev setup (on Debian 12 it fetches Debian 13's package)")
endif()
add_library(yyjson::yyjson UNKNOWN IMPORTED)
set_target_properties(yyjson::yyjson PROPERTIES
    IMPORTED_LOCATION ${KPID_YYJSON_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${KPID_YYJSON_INCLUDE})
