# After cpack has made the packages: takes away the scripts that it puts into each one with a shared library, and which nothing
# switches off.  They call ldconfig, as the trigger does already; and for a postrm dpkg keeps a removed package on its list.
set(packages ${CPACK_PACKAGE_FILES})
list(FILTER packages INCLUDE REGEX "\\.deb$") # cpack -G TGZ comes here, too
set(tree ${CPACK_TEMPORARY_DIRECTORY}/debian_scripts)
foreach(package ${packages})
    file(REMOVE_RECURSE ${tree})
    execute_process(COMMAND dpkg-deb --raw-extract ${package} ${tree} COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE ${tree}/DEBIAN/postinst ${tree}/DEBIAN/postrm)
    file(CHMOD ${tree} ${tree}/DEBIAN PERMISSIONS # whatever the umask
        OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    execute_process(COMMAND dpkg-deb --root-owner-group --build ${tree} ${package} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(REMOVE_RECURSE ${tree})
