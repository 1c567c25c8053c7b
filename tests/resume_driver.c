/* Trains, saving a checkpoint all the time, and goes on from it when there is one: test_resume kills it.
 * Usage: resume_driver DIR STEPS EVERY      DIR/checkpoint while training, DIR/weights and DIR/last at the end
 * Writes a byte to its standard output after each step, before it saves. */
#include "resume_world.h"

#include <stdlib.h>
#include <unistd.h>

static dim_status train(world *w, const char *dir, uint64_t steps, uint64_t every)
{
    char checkpoint[512], weights[512], last[512];
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint", dir);
    snprintf(weights, sizeof weights, "%s/weights", dir);
    snprintf(last, sizeof last, "%s/last", dir);
    if (access(checkpoint, F_OK) == 0)
        TRY(dim_checkpoint_load(w->model, w->loader, checkpoint));
    while (dim_model_steps(w->model) < steps) {
        TRY(world_step(w));
        if (write(STDOUT_FILENO, "!", 1) != 1)
            return DIM_E_IO;
        if (every != 0 && dim_model_steps(w->model) % every == 0)
            TRY(dim_checkpoint_save(w->model, w->loader, checkpoint));
    }
    TRY(dim_model_save(w->model, weights));
    return dim_checkpoint_save(w->model, w->loader, last);
}

int main(int argc, char **argv)
{
    world w = { NULL, NULL, NULL, NULL, NULL, false };
    if (argc != 4)
        return 2;
    plan p = { .recipe = ADVERSARIAL, .threads = 1, .seed = 5, .prefetch = 3, .workers = 2, .width = 256 };
    dim_status status = world_open(&w, &p);
    if (status == DIM_OK)
        status = train(&w, argv[1], strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (status != DIM_OK)
        fprintf(stderr, "resume_driver: %s: %s\n", dim_status_name(status), dim_context_error(w.ctx));
    world_close(&w);
    return status != DIM_OK;
}
