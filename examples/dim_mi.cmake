# dim-mi and its man page, which is what `dim-mi --man` says.
add_executable(dim_mi mutual_information.c process.c output.c words.c mi_options.c mi_files.c mi_table.c mi_select.c mi_read.c mi_data.c
    mi_scores.c mi_text.c mi_json.c mi_plot.c mi_html.c html.c canvas.c font.c)
set_target_properties(dim_mi PROPERTIES OUTPUT_NAME dim-mi)
target_link_libraries(dim_mi PRIVATE dim::dim dim_flags m)
if(PNG_FOUND)
    target_compile_definitions(dim_mi PRIVATE EX_HAVE_PNG=1)
    target_link_libraries(dim_mi PRIVATE PNG::PNG)
endif()
if(ZLIB_FOUND)
    target_compile_definitions(dim_mi PRIVATE EX_HAVE_ZLIB=1)
    target_link_libraries(dim_mi PRIVATE ZLIB::ZLIB)
endif()
dim_install_program(dim_mi dim-mi dim_programs)
