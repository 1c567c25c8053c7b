# The CMake package (also of the build tree), install rules, dim.pc and dim-static.pc.  Components: dim_library is
# what programs run with, dim_development what they are built with, dim_programs the program dim-mi, dim_evaluation dim-eval.

include(CMakePackageConfigHelpers)
set(dim_targets "")
foreach(target dim dim_static)
    if(TARGET ${target} AND (NOT target STREQUAL "dim_static" OR DIM_BUILD_STATIC OR NOT BUILD_SHARED_LIBS))
        list(APPEND dim_targets ${target})
    endif()
endforeach()

# find_package(dim) with this build tree in CMAKE_PREFIX_PATH, and export() of targets that link libdim.
export(TARGETS ${dim_targets} NAMESPACE dim:: FILE ${PROJECT_BINARY_DIR}/dimTargets.cmake)
configure_package_config_file(lib/cmake/dimConfig.cmake.in ${PROJECT_BINARY_DIR}/dimConfig.cmake
    INSTALL_DESTINATION lib/cmake/dim NO_SET_AND_CHECK_MACRO) # wherever: it has no paths
# Until 1.0 a minor version may break programs at compile time.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dimConfigVersion.cmake COMPATIBILITY SameMinorVersion)
if(NOT DIM_INSTALL)
    return()
endif()

include(GNUInstallDirs)
set(DIM_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/dim)
if(DIM_TOP_LEVEL)
    # For `uninstall`, before the rules that make the folders.
    configure_file(lib/cmake/directories.cmake.in ${PROJECT_BINARY_DIR}/directories.cmake @ONLY)
    install(SCRIPT ${PROJECT_BINARY_DIR}/directories.cmake)
    configure_file(lib/cmake/uninstall.cmake.in ${PROJECT_BINARY_DIR}/uninstall.cmake @ONLY)
    add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -P ${PROJECT_BINARY_DIR}/uninstall.cmake)
endif()
install(TARGETS ${dim_targets} EXPORT dimTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dim_library NAMELINK_COMPONENT dim_development
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dim_development
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT dim_library
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/dim DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dim_development
    FILES_MATCHING PATTERN *.h)
install(EXPORT dimTargets NAMESPACE dim:: DESTINATION ${DIM_CMAKE_DIR} COMPONENT dim_development)
install(FILES ${PROJECT_BINARY_DIR}/dimConfig.cmake ${PROJECT_BINARY_DIR}/dimConfigVersion.cmake
    DESTINATION ${DIM_CMAKE_DIR} COMPONENT dim_development)

# The .pc files find their prefix from their own place, so that a tree may be moved (DESTDIR, --prefix, relocation).
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(DIM_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
    set(DIM_PC_LIBDIR ${CMAKE_INSTALL_LIBDIR})
else()
    file(RELATIVE_PATH dim_up /root/${CMAKE_INSTALL_LIBDIR}/pkgconfig /root)
    string(REGEX REPLACE "/$" "" dim_up ${dim_up})
    set(DIM_PC_PREFIX "\${pcfiledir}/${dim_up}")
    set(DIM_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(DIM_PC_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR})
else()
    set(DIM_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
# dim.pc cannot ask for libdim.a by name: its Libs.private only adds to -ldim, which is libdim.so where both are there.
set(dim_pc dim)
if("dim_static" IN_LIST dim_targets)
    list(APPEND dim_pc dim-static)
endif()
foreach(pc ${dim_pc})
    configure_file(${pc}.pc.in ${PROJECT_BINARY_DIR}/${pc}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${pc}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dim_development)
endforeach()
