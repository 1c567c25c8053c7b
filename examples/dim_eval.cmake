# dim-eval and its man page, which is what `dim-eval --man` says.
add_executable(dim_eval evaluate.c evaluate_list.c evaluate_probes.c evaluate_measures.c evaluate_code.c evaluate_filters.c evaluate_page.c)
set_target_properties(dim_eval PROPERTIES OUTPUT_NAME dim-eval)
target_link_libraries(dim_eval PRIVATE dim_examples)
dim_install_program(dim_eval dim-eval dim_evaluation)
