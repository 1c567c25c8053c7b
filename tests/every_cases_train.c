/* Cases of all other headers: networks, estimators, models, objectives, probes. */
#include "every.h"

#define OUT P(&w->out[0])
#define NUMBERS P(&w->numbers)
#define TENSOR(name, ...) \
    P(w_tensor(w, name, DIM_F32, (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t[]){ __VA_ARGS__ }))
#define ROWS P(w_rows(w, "rows", 6, 4))
#define OTHERS P(w_rows(w, "others", 6, 4))
#define LABELS P(w_labels(w, "classes", 6, 3))

static void *list_of(every_world *w, dim_tensor *a, dim_tensor *b, int at)
{
    w->list[at] = a;
    w->list[at + 1] = b;
    return &w->list[at];
}

/* ---- encoder.h --------------------------------------------------------------------------------------------------- */

EVERY_CASE(dim_encoder_create, P(w_context(w)), O(encoder, w->o.encoder.kind = DIM_ENCODER_MLP, w->o.encoder.channels = 4,
                                                  w->o.encoder.hidden[0] = 3, w->o.encoder.units = 2), OUT)
EVERY_CASE(dim_encoder_builder_create, P(w_context(w)), N(3), N(8), N(8), OUT)
EVERY_CASE(dim_encoder_builder_add_input, P(w_builder(w)), T("z"), N(3), N(0), N(0))
EVERY_CASE(dim_encoder_builder_add, P(w_builder(w)), O(layer, w->o.layer.kind = DIM_LAYER_LINEAR, w->o.layer.out = 5))
EVERY_CASE(dim_encoder_builder_finish, P(w_builder(w)), O(encoder, w->o.encoder.mean[0] = 0.5f, w->o.encoder.std[0] = 0.5f,
                                                          w->o.encoder.std[1] = 0.25f), OUT)
EVERY_CASE(dim_encoder_builder_destroy, P(every_give(w, w_builder(w))))
EVERY_CASE(dim_encoder_tap_count, P(w_encoder(w)))
EVERY_CASE(dim_encoder_tap_name, P(w_encoder(w)), N(1))
EVERY_CASE(dim_encoder_tap_shape, P(w_encoder(w)), T("local"), NUMBERS)
EVERY_CASE(dim_encoder_encode, P(w_encoder(w)), P(w_images(w)), T("local"), TENSOR("map", 6, 4, 4, 4))
EVERY_CASE(dim_encoder_encode_inputs, P(w_pair(w)), N(2),
           P(list_of(w, w_rows(w, "rows", 6, 4), w_rows(w, "z", 6, 2), 0)), T("global"), TENSOR("codes", 6, 3))
EVERY_CASE(dim_encoder_parameter_count, P(w_encoder(w)))
EVERY_CASE(dim_encoder_parameter_name, P(w_encoder(w)), N(1))
EVERY_CASE(dim_encoder_get_parameter, P(w_encoder(w)), T("conv1.weight"), OUT)
EVERY_CASE(dim_encoder_set_parameter, P(w_encoder(w)), T("conv1.weight"), TENSOR("kernel", 4, 2, 3, 3))
EVERY_CASE(dim_encoder_save, P(w_encoder(w)), T(w->path))
EVERY_CASE(dim_encoder_load, P(w_encoder(w)), T(w_file(w, "weights")))
EVERY_CASE(dim_encoder_open, P(w_context(w)), T(w_file(w, "weights")), OUT)
EVERY_CASE(dim_encoder_destroy, P(every_give(w, w_encoder(w))))

/* ---- estimator.h, optimizer.h, prior.h --------------------------------------------------------------------------- */

EVERY_CASE(dim_estimator_create, P(w_context(w)), O(estimator, w->o.estimator.kind = DIM_ESTIMATOR_INFONCE,
                                                    w->o.estimator.penalty = 0.04f, w->o.estimator.clip = 20), OUT)
EVERY_CASE(dim_estimator_evaluate, P(w_estimator(w)), ROWS, TENSOR("local", 6, 2, 4), P(NULL), RESULT(estimate),
           TENSOR("grad", 6, 4), TENSOR("grad_local", 6, 2, 4))
EVERY_CASE(dim_estimator_evaluate_scores, P(w_estimator(w)), TENSOR("scores", 6, 6, 2), RESULT(estimate), TENSOR("grad", 6, 6, 2))
EVERY_CASE(dim_estimator_evaluate_pairs, P(w_estimator(w)), ROWS, OTHERS, RESULT(estimate), TENSOR("grad", 6, 4),
           TENSOR("grad_other", 6, 4))
EVERY_CASE(dim_estimator_bound, N(DIM_ESTIMATOR_DV))
EVERY_CASE(dim_estimator_name, N(DIM_ESTIMATOR_DV))
EVERY_CASE(dim_estimator_from_name, T("infonce"), NUMBERS)
EVERY_CASE(dim_estimator_destroy, P(every_give(w, w_estimator(w))))

EVERY_CASE(dim_optimizer_create, P(w_context(w)), O(optimizer, w->o.optimizer.clip_norm = 1), OUT)
EVERY_CASE(dim_optimizer_update, P(w_optimizer(w)), N(2),
           P(list_of(w, w_rows(w, "rows", 6, 4), w_rows(w, "others", 3, 2), 0)),
           P(list_of(w, w_rows(w, "gradient", 6, 4), w_rows(w, "gradient2", 3, 2), 2)))
EVERY_CASE(dim_optimizer_lr, P(w_optimizer(w)))
EVERY_CASE(dim_optimizer_steps, P(w_optimizer(w)))
EVERY_CASE(dim_optimizer_destroy, P(every_give(w, w_optimizer(w))))

EVERY_CASE(dim_prior_create, P(w_context(w)), O(prior, w->o.prior.kind = DIM_PRIOR_UNIFORM), OUT)
EVERY_CASE(dim_prior_evaluate, P(w_prior(w)), ROWS, OTHERS, NUMBERS, TENSOR("grad", 6, 4), TENSOR("grad_other", 6, 4))
EVERY_CASE(dim_prior_destroy, P(every_give(w, w_prior(w))))
EVERY_CASE(dim_prior_name, N(DIM_PRIOR_UNIFORM))

/* ---- model.h, checkpoint.h --------------------------------------------------------------------------------------- */

EVERY_CASE(dim_model_create, P(w_encoder(w)), O(model, w->o.model.views = 2), OUT)
EVERY_CASE(dim_model_add_term, P(w_model(w)), O(term, w->o.term.x = "vector", w->o.term.name = "second",
                                                w->o.term.critic = DIM_CRITIC_BILINEAR, w->o.term.estimator = w_estimator(w)))
EVERY_CASE(dim_model_add_prior, P(w_model(w)), P(w_adversary(w)), F(0.5))
EVERY_CASE(dim_model_add_classifier, P(w_model(w)), O(classifier, w->o.classifier.classes = 4, w->o.classifier.name = "deep",
                                                      w->o.classifier.hidden = 5, w->o.classifier.dropout = 0.2f))
EVERY_CASE(dim_model_set_optimizer, P(w_model(w)), O(optimizer, w->o.optimizer.lr = 1e-3f))
EVERY_CASE(dim_model_step, P(w_model(w)), P(w_images(w)))
EVERY_CASE(dim_model_step_labeled, P(w_model(w)), P(w_images(w)), LABELS)
EVERY_CASE(dim_model_classify, P(w_model(w)), T("classifier"), P(w_images(w)), TENSOR("logits", 6, 3))
EVERY_CASE(dim_model_evaluate, P(w_model(w)), P(w_images(w)))
EVERY_CASE(dim_model_report_count, P(w_stepped(w)))
EVERY_CASE(dim_model_report_name, P(w_stepped(w)), N(1))
EVERY_CASE(dim_model_report, P(w_stepped(w)), T("loss"), NUMBERS)
EVERY_CASE(dim_model_code_stats, P(w_stepped(w)), P(&w->numbers.f[0]), P(&w->numbers.f[8]))
EVERY_CASE(dim_model_steps, P(w_stepped(w)))
EVERY_CASE(dim_model_parameter_count, P(w_model(w)))
EVERY_CASE(dim_model_parameter_name, P(w_model(w)), N(1))
EVERY_CASE(dim_model_get_parameter, P(w_model(w)), T("encoder.conv1.weight"), OUT)
EVERY_CASE(dim_model_set_parameter, P(w_model(w)), T("encoder.conv1.weight"), TENSOR("kernel", 4, 2, 3, 3))
EVERY_CASE(dim_model_save, P(w_model(w)), T(w->path))
EVERY_CASE(dim_model_load, P(w_model(w)), T(w_file(w, "model")))
EVERY_CASE(dim_model_destroy, P(every_give(w, w_stepped(w))))
EVERY_CASE(dim_critic_name, N(DIM_CRITIC_CONCAT))
EVERY_CASE(dim_repeat_name, N(DIM_REPEAT_FROM_TAP))
EVERY_CASE(dim_shortcut_name, N(DIM_SHORTCUT_RANDOM))
EVERY_CASE(dim_checkpoint_save, P(w_stepped(w)), P(w_loader(w)), T(w->path))
EVERY_CASE(dim_checkpoint_load, P(w_model(w)), P(w_loader(w)), T(w_file(w, "checkpoint")))

/* ---- probe.h ----------------------------------------------------------------------------------------------------- */

EVERY_CASE(dim_probe_run, P(w_context(w)), O(probe, w->o.probe.kind = DIM_PROBE_RIDGE, w->o.probe.lambda = 0.01f,
                                             w->o.probe.validation = 0.5f), ROWS, LABELS, OTHERS,
           P(w_labels(w, "test", 6, 3)), RESULT(probe))
EVERY_CASE(dim_probe_features, P(w_encoder(w)), T("global"), P(w_vectors(w)), N(1), N(4), OUT)
EVERY_CASE(dim_probe_neighbors, P(w_context(w)), N(DIM_PROBE_KNN_EUCLIDEAN), ROWS, OTHERS,
           P(w_tensor(w, "indices", DIM_I64, 2, (int64_t[]){ 6, 2 })))

EVERY_CASE(dim_probe_nearest, P(w_context(w)), N(DIM_PROBE_KNN_COSINE), ROWS, OTHERS,
           P(w_tensor(w, "indices", DIM_I64, 2, (int64_t[]){ 6, 2 })), TENSOR("distances", 6, 2))

/* ---- index.h ----------------------------------------------------------------------------------------------------- */

EVERY_CASE(dim_index_create, P(w_context(w)), N(DIM_PROBE_KNN_EUCLIDEAN), N(4), OUT)
EVERY_CASE(dim_index_add, P(w_index(w)), ROWS)
EVERY_CASE(dim_index_search, P(w_index(w)), ROWS, P(w_tensor(w, "indices", DIM_I64, 2, (int64_t[]){ 6, 2 })), TENSOR("distances", 6, 2))
EVERY_CASE(dim_index_count, P(w_index(w)))
EVERY_CASE(dim_index_features, P(w_index(w)))
EVERY_CASE(dim_index_kind, P(w_index(w)))
EVERY_CASE(dim_index_save, P(w_index(w)), T(w->path))
EVERY_CASE(dim_index_load, P(w_context(w)), T(w_file(w, "index")), OUT)
EVERY_CASE(dim_index_destroy, P(every_give(w, w_index(w))))

/* ---- objective.h, comm.h; of other ranks there are none, so that nothing is ever said to them --------------------------------- */

static int gather(void *user, const void *mine, void *all, size_t bytes)
{
    (void)user, (void)mine, (void)all, (void)bytes;
    return 1;
}

static int sum(void *user, float *data, size_t count)
{
    (void)user, (void)data, (void)count;
    return 1;
}

static int scatter_sum(void *user, const float *all, float *mine, size_t count)
{
    (void)user, (void)all, (void)mine, (void)count;
    return 1;
}

static int broadcast(void *user, void *data, size_t bytes)
{
    (void)user, (void)data, (void)bytes;
    return 1;
}

EVERY_CASE(dim_model_objective, P(w_model(w)))
EVERY_CASE(dim_objective_create, P(w_context(w)), O(objective, w->o.objective.seed = 2), OUT)
EVERY_CASE(dim_objective_communicate, P(w_objective(w)),
           O(comm, w->o.comm.rank = 1, w->o.comm.ranks = 2, w->o.comm.gather = gather, w->o.comm.sum = sum,
             w->o.comm.scatter_sum = scatter_sum, w->o.comm.broadcast = broadcast))
EVERY_CASE(dim_objective_add_input, P(w_objective(w)), O(input, w->o.input.name = "more", w->o.input.shape[0] = 4))
EVERY_CASE(dim_objective_apply, P(w_objective(w)), P(w_mlp(w)), T("x"), T("gx"))
EVERY_CASE(dim_objective_add_loss, P(w_objective(w)), O(loss, w->o.loss.name = "error", w->o.loss.kind = DIM_LOSS_SQUARED_ERROR,
                                                        w->o.loss.a = "fx", w->o.loss.b = "z"))
EVERY_CASE(dim_objective_add_player, P(w_objective(w)), O(player, w->o.player.name = "second"))
EVERY_CASE(dim_objective_give, P(w_ungiven(w)), T("learner"), T("rival"))
EVERY_CASE(dim_objective_minimise, P(w_ungiven(w)), T("learner"), T("rival"), F(0.5))
EVERY_CASE(dim_objective_set, P(w_objective(w)), T("x"), P(w_rows(w, "x", 6, 4)))
EVERY_CASE(dim_objective_step, P(w_ready(w)))
EVERY_CASE(dim_objective_evaluate, P(w_ready(w)))
EVERY_CASE(dim_objective_compute, P(w_ready(w)), T("fx"), TENSOR("codes", 6, 3))
EVERY_CASE(dim_objective_evaluate_value, P(w_ready(w)), T("fx"), TENSOR("codes", 6, 3))
EVERY_CASE(dim_objective_gradient, P(w_ready(w)), T("mi"), T("x"), TENSOR("grad", 6, 4))
EVERY_CASE(dim_objective_report_count, P(w_trained(w)))
EVERY_CASE(dim_objective_report_name, P(w_trained(w)), N(0))
EVERY_CASE(dim_objective_report, P(w_trained(w)), T("mi"), NUMBERS)
EVERY_CASE(dim_objective_steps, P(w_trained(w)))
EVERY_CASE(dim_objective_parameter_count, P(w_objective(w)))
EVERY_CASE(dim_objective_parameter_name, P(w_objective(w)), N(0))
EVERY_CASE(dim_objective_get_parameter, P(w_objective(w)), T("fx.linear1.weight"), OUT)
EVERY_CASE(dim_objective_set_parameter, P(w_objective(w)), T("fx.linear1.weight"), TENSOR("square", 4, 4))
EVERY_CASE(dim_objective_save, P(w_objective(w)), T(w->path))
EVERY_CASE(dim_objective_load, P(w_objective(w)), T(w_file(w, "objective")))
EVERY_CASE(dim_objective_checkpoint_save, P(w_trained(w)), P(w_loader(w)), T(w->path))
EVERY_CASE(dim_objective_checkpoint_load, P(w_objective(w)), P(w_loader(w)), T(w_file(w, "objective.checkpoint")))
EVERY_CASE(dim_objective_destroy, P(every_give(w, w_trained(w))))

/* ---- information.h ----------------------------------------------------------------------------------------------- */

EVERY_CASE(dim_information_measure, P(w_context(w)), O(information, w->o.information.permutations = 19),
           P((DIM_OPTIONS_INIT(&w->columns), w->columns.x = w_rows(w, "columns x", 60, 2),
              w->columns.y = w_rows(w, "columns y", 60, 1), &w->columns)), OUT)
EVERY_CASE(dim_information_matrix, P(w_context(w)), O(information, w->o.information.permutations = 19),
           P((DIM_OPTIONS_INIT(&w->columns), w->columns.x = w_rows(w, "columns x", 60, 2),
              w->columns.y = w_rows(w, "columns y", 60, 1), &w->columns)), TENSOR("value", 2, 1), TENSOR("low", 2, 1),
           TENSOR("high", 2, 1), TENSOR("p", 2, 1))
EVERY_CASE(dim_information_get_result, P(w_measured(w)), RESULT(information))
EVERY_CASE(dim_information_candidates, P(w_measured(w)))
EVERY_CASE(dim_information_get_candidate, P(w_measured(w)), N(1), RESULT(information))
EVERY_CASE(dim_information_pointwise, P(w_measured(w)), P(w_tensor(w, "pointwise", DIM_F64, 1, (int64_t[]){ 60 })))
EVERY_CASE(dim_information_curve, P(w_measured(w)), OUT)
EVERY_CASE(dim_information_null, P(w_measured(w)), OUT)
EVERY_CASE(dim_information_gradient, P(w_critics(w)), P(w_rows(w, "many columns x", 200, 2)),
           P(w_rows(w, "many columns y", 200, 1)), NUMBERS,
           P(w_tensor(w, "by x", DIM_F64, 2, (int64_t[]){ 200, 2 })), P(w_tensor(w, "by y", DIM_F32, 2, (int64_t[]){ 200, 1 })))
EVERY_CASE(dim_information_report, P(w_measured(w)))
EVERY_CASE(dim_information_remarks, P(w_measured(w)))
EVERY_CASE(dim_information_remark, P(w_measured(w)), N(0))
EVERY_CASE(dim_information_candidate_remark, P(w_measured(w)), N(0))
EVERY_CASE(dim_information_column_kind, P(w_measured(w)), N('x'), N(1))
EVERY_CASE(dim_information_warning_text, P(w_measured(w)), N(DIM_INFORMATION_SATURATED))
EVERY_CASE(dim_information_method_name, N(DIM_INFORMATION_KNN))
EVERY_CASE(dim_information_destroy, P(every_give(w, w_measured(w))))

/* ---- evaluation.h ------------------------------------------------------------------------------------------------ */

EVERY_CASE(dim_evaluation_ssim, P(w_context(w)), O(ssim, w->o.ssim.kind = DIM_SSIM_MULTI, w->o.ssim.window = 3), P(w_images(w)),
           TENSOR("other images", 6, 2, 8, 8), NUMBERS, P(w_tensor(w, "each", DIM_F64, 1, (int64_t[]){ 6 })))
EVERY_CASE(dim_evaluation_codes, P(w_context(w)), ROWS, P(w_tensor(w, "units", DIM_F64, 2, (int64_t[]){ 4, 3 })), RESULT(codes))
EVERY_CASE(dim_evaluation_alignment, P(w_context(w)), ROWS, OTHERS, NUMBERS)
EVERY_CASE(dim_evaluation_uniformity, P(w_context(w)), ROWS, NUMBERS)
EVERY_CASE(dim_evaluation_ndm, P(w_context(w)), O(evaluation, w->o.evaluation.steps = 2, w->o.evaluation.batch = 4,
                                                  w->o.evaluation.held_out = 0.5f, w->o.evaluation.sigmoid = 1),
           P(w_rows(w, "many rows", 8, 3)), RESULT(score))
EVERY_CASE(dim_evaluation_mine, P(w_context(w)), O(evaluation, w->o.evaluation.steps = 2, w->o.evaluation.batch = 4,
                                                   w->o.evaluation.held_out = 0.5f),
           P(w_rows(w, "many rows", 8, 3)), P(w_rows(w, "many codes", 8, 2)), RESULT(score))
EVERY_CASE(dim_evaluation_reconstruct, P(w_context(w)), O(evaluation, w->o.evaluation.steps = 2, w->o.evaluation.batch = 3), ROWS,
           P(w_images(w)), OTHERS, TENSOR("other images", 6, 2, 8, 8), RESULT(reconstruction), OUT)
