# What an installation consists of. packaging/ makes the Debian package from it.
if(TARGET kpid)
    # A yyjson that is no package of this system is carried along, in a folder of kpid's own.
    if(KPID_YYJSON_LIBRARY MATCHES "^${kpid_cache}/")
        file(REAL_PATH ${KPID_YYJSON_LIBRARY} yyjson_file)
        install(FILES ${yyjson_file} RENAME libyyjson.so.0 DESTINATION lib/kpid)
        set_target_properties(kpid PROPERTIES INSTALL_RPATH ${CMAKE_INSTALL_PREFIX}/lib/kpid)
    endif()
    install(TARGETS kpid RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(FILES config/kpid.yaml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/kpid)
    install(FILES config/schema.json docs/configuration.md docs/metrics.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
    install(FILES packaging/kpid.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES packaging/kpid.bash-completion RENAME kpid
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endif()
