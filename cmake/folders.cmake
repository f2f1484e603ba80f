# A folder is a static library kpid_<folder> of its *.c files. A folder without sources is left out, and whoever
# links with it links with nothing: see TARGET_NAME_IF_EXISTS.

# kpid_folder(<name> USES <folder>... LINKS <library>...)
# USES are the folders below; a test in tests/<name>/ is linked with this folder and these.
function(kpid_folder name)
    cmake_parse_arguments(arg "" "" "USES;LINKS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    list(FILTER sources EXCLUDE REGEX "/daemon/main\\.c$")
    if(NOT sources)
        return()
    endif()
    add_library(kpid_${name} STATIC ${sources})
    foreach(folder IN LISTS arg_USES)
        target_link_libraries(kpid_${name} PUBLIC $<TARGET_NAME_IF_EXISTS:kpid_${folder}>)
    endforeach()
    target_link_libraries(kpid_${name} PUBLIC ${arg_LINKS} Threads::Threads)
    # Link-time optimisation takes a twentieth of the instructions, and a link many seconds; so only what is shipped and measured
    # is linked with it. The objects have code of their own as well, which the tests are linked with.
    if(KPID_LTO)
        target_compile_options(kpid_${name} PRIVATE -flto=auto -ffat-lto-objects)
    endif()
endfunction()

# A program that is linked as the daemon is: with its allocator, and optimised as a whole.
function(kpid_link_as_daemon program)
    if(KPID_ALLOCATOR STREQUAL "jemalloc")
        # --as-needed would drop it: no symbol of ours is jemalloc's alone.
        target_link_directories(${program} PRIVATE ${jemalloc_LIBRARY_DIRS})
        target_link_libraries(${program} PRIVATE -Wl,--push-state,--no-as-needed,-ljemalloc,--pop-state)
    endif()
    if(KPID_LTO)
        target_link_options(${program} PRIVATE -flto=auto)
    endif()
endfunction()

# A program of bench/ that is not: see there. Tests have it for their whole folder.
function(kpid_link_by_file program)
    if(KPID_LTO)
        target_link_options(${program} PRIVATE -fno-lto)
    endif()
endfunction()

set(KPID_FOLDERS base config aggregators checkpoint consumers publishers alerts daemon)

# Every folder, upper ones first, as a static link line wants them.
set(KPID_ALL)
foreach(folder IN LISTS KPID_FOLDERS)
    list(PREPEND KPID_ALL $<TARGET_NAME_IF_EXISTS:kpid_${folder}>)
endforeach()
