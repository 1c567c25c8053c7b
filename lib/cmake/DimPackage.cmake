# Debian packages, by `cpack -G DEB`: libdim0 is the component dim_library, libdim-dev dim_development, dim-mi dim_programs,
# dim-eval dim_evaluation.  A fifth one needs a component's name in its install rules and in CPACK_COMPONENTS_ALL, and a block such as theirs below.

if(NOT DIM_INSTALL OR NOT BUILD_SHARED_LIBS)
    return()
endif()
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libdim)
set(CPACK_PACKAGE_VENDOR "libdim contributors")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_PACKAGE_CONTACT "libdim contributors <libdim@localhost>" CACHE STRING "Maintainer of the packages")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL dim_library dim_development dim_programs dim_evaluation)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SOURCE libdim)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(dim_version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")
set(dim_text "libdim trains image and vector encoders without labels, in the process of
its caller and without Python, and estimates mutual information.")

set(CPACK_DEBIAN_DIM_LIBRARY_PACKAGE_NAME libdim${DIM_SOVERSION})
set(CPACK_DEBIAN_DIM_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_DIM_LIBRARY_DESCRIPTION "${dim_text}
.
This package has the shared library.")
set(CPACK_DEBIAN_DIM_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON) # packages of programs depend on this version or a later one
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
file(WRITE ${PROJECT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_DIM_LIBRARY_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/debian/triggers)
set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/lib/cmake/repack.cmake)
if(NOT DIM_WITH_ONEDNN STREQUAL "OFF") # opened at run time: Debian 13's, Debian 12's
    set(CPACK_DEBIAN_DIM_LIBRARY_PACKAGE_RECOMMENDS "libdnnl3.6 | libdnnl2")
endif()

set(CPACK_DEBIAN_DIM_DEVELOPMENT_PACKAGE_NAME libdim-dev)
set(CPACK_DEBIAN_DIM_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DIM_DEVELOPMENT_DESCRIPTION "${dim_text}
.
This package has the headers, the static library, the pkg-config files and
the CMake package.")
# What the static library is linked with comes along.
list(JOIN DIM_DEBIAN_PACKAGES ", " dim_packages)
set(CPACK_DEBIAN_DIM_DEVELOPMENT_PACKAGE_DEPENDS
    "libdim${DIM_SOVERSION} (= ${dim_version}), libc6-dev, ${dim_packages}")

set(CPACK_DEBIAN_DIM_PROGRAMS_PACKAGE_NAME dim-mi)
set(CPACK_DEBIAN_DIM_PROGRAMS_PACKAGE_SECTION science)
set(CPACK_COMPONENT_DIM_PROGRAMS_DESCRIPTION "${dim_text}
.
This package has the program dim-mi, which measures how much columns of a
table tell about other ones, and says with an interval how sure that is.")
set(CPACK_DEBIAN_DIM_PROGRAMS_PACKAGE_DEPENDS "libdim${DIM_SOVERSION} (= ${dim_version})")
set(CPACK_DEBIAN_DIM_PROGRAMS_PACKAGE_SHLIBDEPS ON)

set(CPACK_DEBIAN_DIM_EVALUATION_PACKAGE_NAME dim-eval)
set(CPACK_DEBIAN_DIM_EVALUATION_PACKAGE_SECTION science)
set(CPACK_COMPONENT_DIM_EVALUATION_DESCRIPTION "${dim_text}
.
This package has the program dim-eval, which shows what an encoder has learnt:
probes of its features, nearest neighbours and pictures, on one page.")
set(CPACK_DEBIAN_DIM_EVALUATION_PACKAGE_DEPENDS "libdim${DIM_SOVERSION} (= ${dim_version})")
set(CPACK_DEBIAN_DIM_EVALUATION_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}) # where libdim.so.0 is, which no package has yet

# What every package must have, and an installation by hand not.
string(TIMESTAMP dim_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${PROJECT_BINARY_DIR}/debian/changelog.Debian
    "libdim (${dim_version}) unstable; urgency=medium\n\n  * Built from the sources of version ${PROJECT_VERSION}.\n\n"
    " -- ${CPACK_PACKAGE_CONTACT}  ${dim_date}\n")
execute_process(COMMAND gzip -9nf ${PROJECT_BINARY_DIR}/debian/changelog.Debian)
foreach(component DIM_LIBRARY DIM_DEVELOPMENT DIM_PROGRAMS DIM_EVALUATION)
    set(dim_doc ${CMAKE_INSTALL_DATAROOTDIR}/doc/${CPACK_DEBIAN_${component}_PACKAGE_NAME})
    string(TOLOWER ${component} dim_component)
    install(FILES LICENSE DESTINATION ${dim_doc} RENAME copyright COMPONENT ${dim_component} EXCLUDE_FROM_ALL)
    install(FILES ${PROJECT_BINARY_DIR}/debian/changelog.Debian.gz DESTINATION ${dim_doc}
        COMPONENT ${dim_component} EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
