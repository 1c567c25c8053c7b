# After cpack has made the packages: corrects in them what no setting of cpack does.
# - It puts scripts into each package with a shared library.  They call ldconfig, as the trigger does already; and for a postrm
#   dpkg keeps a removed package on its list.
# - Folders have the umask of whoever calls it.
set(packages ${CPACK_PACKAGE_FILES})
list(FILTER packages INCLUDE REGEX "\\.deb$") # cpack -G TGZ comes here, too
set(tree ${CPACK_TEMPORARY_DIRECTORY}/repack)
foreach(package ${packages})
    file(REMOVE_RECURSE ${tree})
    execute_process(COMMAND dpkg-deb --raw-extract ${package} ${tree} COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE ${tree}/DEBIAN/postinst ${tree}/DEBIAN/postrm)
    execute_process(COMMAND find ${tree} -type d -exec chmod 755 {} + COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND dpkg-deb --root-owner-group --build ${tree} ${package} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(REMOVE_RECURSE ${tree})
