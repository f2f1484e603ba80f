# What an installation consists of; packaging/ makes the Debian package from it.
if(TARGET kpid)
    install(TARGETS kpid RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
