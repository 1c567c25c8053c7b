/**
 * @file information.h
 * @brief How much do these columns tell about those: mutual information of any data, with an interval.
 *
 *     dim_information_data data;
 *     DIM_OPTIONS_INIT(&data);
 *     data.x = x;
 *     data.y = y;
 *     dim_information_measure(ctx, NULL, &data, &info);
 *
 * Columns may be continuous, rounded, discrete or labels, one or many, on any scale: the value does not change when a
 * column is replaced by an increasing function of it, that of a critic within its interval.
 * docs/information.md says which question is answered and how.
 */
#ifndef DIM_INFORMATION_H
#define DIM_INFORMATION_H
#ifndef DIM_EXPERIMENTAL
#error "this may still change: define DIM_EXPERIMENTAL before including it"
#endif
#include <dim/tensor.h>

DIM_BEGIN_DECLS

/** A finished measurement. */
typedef struct dim_information dim_information;

/** How the information is measured. */
typedef enum dim_information_method {
    DIM_INFORMATION_AUTO = 0,     /**< chosen by kinds and numbers of columns and by what the rows show */
    DIM_INFORMATION_KNN = 1,      /**< nearest neighbours of normal scores (Kraskov et al. 2004, eq. 8; labels: Ross 2014) */
    DIM_INFORMATION_GAUSS = 2,    /**< Gaussian copula (Ince et al. 2017): linear relations of normal scores, nothing else */
    DIM_INFORMATION_CRITIC = 3,   /**< a cross-fitted critic on a Gaussian base: a score of rows that it was not trained on;
                                       of columns or of independent components, of all of them or of canonical pairs */
    DIM_INFORMATION_DISCRETE = 4, /**< counts of symbols (Grassberger 2003) */
    DIM_INFORMATION_KNN2 = 5,     /**< Kraskov et al., eq. 9, for comparison with other tools; AUTO never takes it */
    DIM_INFORMATION_CONSTANT = 6, /**< of results only: a side whose columns are all constant carries nothing */
    DIM_INFORMATION_METHOD_FORCE_INT = 0x7fffffff
} dim_information_method;

/** What the rows can carry. */
typedef enum dim_information_verdict {
    DIM_INFORMATION_ESTIMATE = 0,    /**< a value and a two-sided interval */
    DIM_INFORMATION_LOWER_BOUND = 1, /**< low is supported, high is infinite: there is more than the method can show,
                                          one side is a function of the other, or training ended too early */
    DIM_INFORMATION_NONE = 2,        /**< nothing is supported: value, low and high are NaN, warnings say why */
    DIM_INFORMATION_VERDICT_FORCE_INT = 0x7fffffff
} dim_information_verdict;

/** Whether rows follow each other in time. */
typedef enum dim_information_order {
    DIM_INFORMATION_ORDER_AUTO = 0,   /**< SERIES, with a warning, when both sides are autocorrelated, and not since the
                                           rows are sorted by a column; else IID */
    DIM_INFORMATION_ORDER_IID = 1,    /**< rows are independent of each other */
    DIM_INFORMATION_ORDER_SERIES = 2, /**< rows are in the order of time */
    DIM_INFORMATION_ORDER_FORCE_INT = 0x7fffffff
} dim_information_order;

/** What is done about NaN and infinity. */
typedef enum dim_information_missing {
    DIM_INFORMATION_MISSING_FAIL = 0, /**< DIM_E_NUMERIC */
    DIM_INFORMATION_MISSING_DROP = 1, /**< the row is left out, with a warning */
    DIM_INFORMATION_MISSING_FORCE_INT = 0x7fffffff
} dim_information_missing;

/** What a column is. */
typedef enum dim_information_kind {
    DIM_INFORMATION_KIND_AUTO = 0,       /**< found from its values */
    DIM_INFORMATION_KIND_CONTINUOUS = 1, /**< next to no value twice */
    DIM_INFORMATION_KIND_DISCRETE = 2,   /**< few values, which are numbers: counted, or taken as labels beside numbers.  Where they
                                              are too many to be counted, AUTO goes by their order, if both sides are discrete */
    DIM_INFORMATION_KIND_UNORDERED = 3,  /**< labels: no order is used anywhere; never found, always given */
    DIM_INFORMATION_KIND_TIED = 4,       /**< many values, of which some are frequent: rounded, or zero-inflated */
    DIM_INFORMATION_KIND_CONSTANT = 5,   /**< one value; found, never given */
    DIM_INFORMATION_KIND_FORCE_INT = 0x7fffffff
} dim_information_kind;

/** Bits of dim_information_result.warnings; dim_information_warning_text() has a sentence on each. */
typedef enum dim_information_warning {
    DIM_INFORMATION_SATURATED = 1,         /**< more than this method can show with these rows */
    DIM_INFORMATION_DETERMINISTIC = 2,     /**< one side is a function of the other */
    DIM_INFORMATION_NOT_CONVERGED = 4,     /**< the value has changed with the rows by more than a tenth, and than chance does; or
                                                critics still learnt when max_steps ended their training */
    DIM_INFORMATION_SMALL_SAMPLE = 8,      /**< too few rows for what was asked */
    DIM_INFORMATION_UNDERSAMPLED = 16,     /**< symbols that were seen once are too many */
    DIM_INFORMATION_DUPLICATES = 32,       /**< rows are copies of others; each was used once, but of a series */
    DIM_INFORMATION_AUTOCORRELATED = 64,   /**< the rows were taken as a series */
    DIM_INFORMATION_DROPPED_ROWS = 128,    /**< rows with missing values were left out */
    DIM_INFORMATION_CONSTANT_COLUMNS = 256, /**< columns were left out: constant, the same as another, or by GAUSS
                                                a combination of others */
    DIM_INFORMATION_PARAMETRIC = 512,      /**< the value rests on a Gaussian copula that the rows cannot check, or, of GAUSS
                                                asked for by name, that nothing has checked */
    DIM_INFORMATION_METHODS_DISAGREE = 1024, /**< another supported method, or what single pairs of columns show, lies outside */
    DIM_INFORMATION_TIME_LIMIT = 2048,     /**< max_seconds ended training while critics still learnt */
    DIM_INFORMATION_NEGATIVE = 4096,       /**< the estimate before it was cut at 0 is below 0 by more than its error */
    DIM_INFORMATION_DIFFERENCE = 8192,     /**< a difference of two lower bounds: low supposes that I(X;Z) was learnt */
    DIM_INFORMATION_DITHERED = 16384,      /**< equal values were ordered at random, which does not change the information */
    DIM_INFORMATION_SUBSAMPLED = 32768,    /**< not all rows were used */
    DIM_INFORMATION_WARNING_FORCE_INT = 0x7fffffff
} dim_information_warning;

/** @brief Hears how far a long call is.  @return not 0 to stop it with DIM_E_CALLBACK */
typedef int (*dim_progress_fn)(void *user, double fraction, const char *text);

/**
 * What is measured.  Every tensor has N rows: f32, f64, i32, i64 or u8, (N) or (N, d), any strides.  Nothing is kept.
 * Append only.
 */
typedef struct dim_information_data {
    size_t size;               /**< set by DIM_OPTIONS_INIT */
    const dim_tensor *x;       /**< one side */
    const dim_tensor *y;       /**< the other side */
    const dim_tensor *z;       /**< NULL, or what is known anyway: I(X;Y|Z) */
    const dim_tensor *weights; /**< NULL, or (N): finite, at least 0, not all 0; not with KNN, KNN2 and permutations */
    const dim_tensor *groups;  /**< NULL, or i32 or i64 (N): rows of a group are never parted, in folds, permutations and errors */
    const uint8_t *x_kinds;    /**< NULL, or a dim_information_kind for each column of x */
    const uint8_t *y_kinds;    /**< likewise of y */
    const uint8_t *z_kinds;    /**< likewise of z */
    const char *const *x_names; /**< NULL, or a name for each column of x, for messages; copied */
    const char *const *y_names; /**< likewise of y */
    const char *const *z_names; /**< likewise of z */
} dim_information_data;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_information_options {
    size_t size;                     /**< set by DIM_OPTIONS_INIT */
    dim_information_method method;   /**< AUTO */
    uint32_t neighbors;              /**< KNN, KNN2: 0 = 3, or 1 where the information is too high for 3 */
    float confidence;                /**< of the interval, in (0.5, 1); 0 = 0.95 */
    /** For the p-value, at least 19; critics use at least 199 a fold, which cost them next to nothing.  No order of rows is used twice:
        a series of N rows can be turned round in N - 1 ways, and few groups have few orders.  0 = none. */
    uint32_t permutations;
    dim_information_order order;     /**< AUTO */
    dim_information_missing missing; /**< FAIL */
    /** Row i of x (and of z, weights and groups) meets row i + lag of y.  With z = y and lag 1 it is transfer entropy. */
    int64_t lag;
    uint32_t block;                  /**< SERIES: rows of a block, a quarter of all at most; 0 = from the autocorrelation */
    uint32_t theiler;                /**< SERIES, KNN: rows so close in time are not neighbours; 0 = block */
    uint32_t folds;                  /**< CRITIC: 2 to 20; 0 = 3 */
    uint32_t max_steps;              /**< CRITIC: of training a fold; if it still learns there, the verdict is LOWER_BOUND; 0 = 3000 */
    uint32_t dithers;                /**< orders of equal values that are averaged; 0 = 5 */
    float max_seconds;               /**< CRITIC: training ends there; likewise, with a warning; 0 = no limit */
    uint64_t seed;                   /**< of dithers, parts, folds and permutations; 0 = the context's */
    uint64_t max_rows;               /**< of more a sample is taken, of a series the first, with a warning; 0 = 2,000,000,
                                          or 200,000 where critics are asked */
    dim_progress_fn progress;        /**< NULL, or hears how far neighbours, critics, permutations and pairs are */
    void *user;                      /**< passed to progress */
} dim_information_options;

/** The answer, in nats.  The caller sets `size` with DIM_OPTIONS_INIT. */
typedef struct dim_information_result {
    size_t size;                     /**< set by DIM_OPTIONS_INIT */
    dim_information_verdict verdict; /**< what the rows can carry */
    dim_information_method method;   /**< that gave the value */
    double value;                    /**< raw, but not below 0, nor above an entropy: the best single number */
    double bound;                    /**< CRITIC: the score itself, in expectation not above I; else raw */
    double raw;                      /**< the estimate */
    double low;                      /**< end of the interval, at least 0 */
    double high;                     /**< end of the interval, if the dependence is of a kind that these rows can show; of an
                                          ESTIMATE not above entropy_x and entropy_y */
    double standard_error;           /**< of sampling alone */
    double deficit;                  /**< what more rows would still add, as far as one sees; part of high, not of value */
    double ceiling;                  /**< largest value that this method can show with these rows */
    double p_value;                  /**< of independence: (1 + null values at least the own) / (1 + permutations); of
                                          CRITIC the folds' together (Liu & Xie 2020); of GAUSS by the columns, also where its value is of
                                          components; where AUTO took the one of GAUSS and KNN that showed more, the better
                                          of the ranks by both, ranked anew; where it had both CRITIC and KNN, of both
                                          together, as of folds.  With a condition it may
                                          be too small: docs/information.md.  NaN = none was asked for */
    double correlation;              /**< |rho| of a Gaussian pair with this information: sqrt(1 - exp(-2 value)) */
    double entropy_x;                /**< of a discrete side (Grassberger), else NaN */
    double entropy_y;                /**< likewise */
    double effective_rows;           /**< as how many independent rows they count: weighted ones, those of a series, of groups.
                                          Below 30 the verdict is NONE */
    int64_t rows;                    /**< that were used; of NONE, that there were */
    int64_t dropped;                 /**< with missing values */
    int64_t duplicates;              /**< that repeat an earlier row in all columns */
    uint32_t warnings;               /**< a sum of dim_information_warning */
    uint32_t protocol;               /**< 1; raised when the same data may give another value */
    uint32_t permutations;           /**< that the p-value rests on: those asked for, by critics 199 at least, or all there are */
    uint32_t reserved0;              /**< 0 */
} dim_information_result;

/**
 * @brief Measures I(X;Y), or I(X;Y|Z).
 * @param ctx     context for working memory and threads
 * @param options NULL = defaults
 * @param data    what is measured; nothing of it is kept
 * @param out     set only on DIM_OK; release with dim_information_destroy()
 *
 * Fewer than 30 rows are not an error: the verdict is NONE.  The same data, options, seed and number of threads give the
 * same bits; KNN, GAUSS and DISCRETE do so with any number of threads.
 * @return DIM_E_INVALID (an option, a kind, weights, groups with order SERIES, a lag that leaves fewer than 30 rows),
 *         DIM_E_SHAPE (numbers of rows, no columns), DIM_E_NUMERIC (NaN or infinity, unless they are dropped),
 *         DIM_E_UNSUPPORTED (a method that cannot take these columns or weights; permutations of weighted rows, of groups of
 *         several sizes, of groups or a series with a condition, or by critics of a series with folds below four blocks),
 *         DIM_E_CALLBACK (progress stopped it), DIM_E_NOMEM.
 */
DIM_API dim_status dim_information_measure(dim_context *ctx, const dim_information_options *options,
                                           const dim_information_data *data, dim_information **out);

/**
 * @brief The answer.
 * @param info   a measurement
 * @param result filled as far as its `size` goes
 */
DIM_API dim_status dim_information_get_result(const dim_information *info, dim_information_result *result);

/** @brief How many methods were tried; 0 for NULL. */
DIM_API int64_t dim_information_candidates(const dim_information *info);

/**
 * @brief What method i says; 0 is the one that was taken.
 * @param info   a measurement
 * @param i      from 0
 * @param result filled as far as its `size` goes
 * @return DIM_E_INVALID: i is not below dim_information_candidates()
 */
DIM_API dim_status dim_information_get_candidate(const dim_information *info, int64_t i, dim_information_result *result);

/**
 * @brief log p(x,y) / (p(x) p(y)) of each row as the method sees it; the mean of the used rows, weighted if they are, is raw.
 * @param info a measurement
 * @param out  f64 (N), N the rows of x that were given; rows that were not used are NaN
 */
DIM_API dim_status dim_information_pointwise(const dim_information *info, dim_tensor *out);

/**
 * @brief The value against the number of rows: does it still rise?
 * @param info a measurement
 * @param out  f64 (m, 4): rows, value, low, high; the last row is the answer, the others are values of parts, cut at 0 as it is,
 *             with the error of sampling so many rows.  Set only on DIM_OK, the caller owns it
 */
DIM_API dim_status dim_information_curve(const dim_information *info, dim_tensor **out);

/**
 * @brief What the method that was taken says under independence: the statistic of the p-value, or where AUTO chose between
 *        GAUSS and KNN, or CRITIC and KNN, one of two (dim_information_result.p_value).
 *
 * Of CRITIC these are the folds' mean scores, in which a fold whose critic has learnt nothing counts as 0; p is made of the folds'
 * own ranks.
 * @param info a measurement
 * @param out  f64 (permutations), as many as the result says; set only on DIM_OK, the caller owns it
 * @return DIM_E_STATE: permutations were not asked for, or the method has none for such data
 */
DIM_API dim_status dim_information_null(const dim_information *info, dim_tensor **out);

/**
 * @brief Every column of x against every column of y, one pair at a time: which of many columns tell about which?
 * @param ctx     context for working memory and threads, which share the pairs
 * @param options NULL = defaults; as for dim_information_measure(), except method CRITIC
 * @param data    without z and weights; nothing of it is kept
 * @param value   f64 or f32 (columns of x, columns of y), as are the others; NULL = not wanted
 * @param low     NULL, or ends of the intervals, which take some six times as long as the values alone
 * @param high    likewise
 * @param p       NULL, or p-values of the pairs, which need `permutations`; they are not corrected for the number of pairs
 *
 * Each entry has the bits that dim_information_measure() gives for the two columns (N) with the same options, with any number
 * of threads; so missing values that are dropped cost a pair only the rows that it lacks.  One exception: AUTO, which
 * takes neighbours or counts for two columns, never asks a critic here, so two columns of labels, most of whose pairs were seen
 * once, have what DISCRETE says of them.  Pairs whose verdict is NONE are NaN; `high` of a LOWER_BOUND is infinite.
 *
 * Working memory is some 200 bytes a row for each thread, and 64 MB at most for columns of y.
 * @return as dim_information_measure(); DIM_E_INVALID also when no output is wanted, when p is wanted without permutations and
 *         when an output shares memory with another or with the data; DIM_E_SHAPE also for an output of another shape or
 *         type; DIM_E_UNSUPPORTED also for z, weights and CRITIC.  After a failure the outputs are as before.
 */
DIM_API dim_status dim_information_matrix(dim_context *ctx, const dim_information_options *options,
                                          const dim_information_data *data, dim_tensor *value, dim_tensor *low,
                                          dim_tensor *high, dim_tensor *p);

/**
 * @brief What the critics of a measurement say of other rows, and how it changes with each of their numbers: so a caller can
 *        raise or lower the information of its own features.
 *
 * With T_k the critic of fold k, of K folds, value is the mean over k and over the rows i of
 *
 *     T_k(i,i) - 1/2 ln mean over j != i of e^T_k(i,j) - 1/2 ln mean over j != i of e^T_k(j,i)
 *
 * which of rows that no critic was trained on is, in expectation, not above I, as dim_information_result.bound.  Where
 * measured rows have ranks, these rows have the value of a smooth curve through the ranks: up to 49 of the measured values,
 * evenly spaced in normal scores, joined by monotone cubic pieces (Fritsch & Butland 1984), and straight lines beyond them, which end
 * at scores of a million: farther out nothing changes, and derivatives are 0.
 * Columns that were left out and labels have no effect on derivatives: theirs are 0.  Critics stay as they are: measure
 * again when the features have moved, or the critics will be misled.
 *
 * Critics are there after method CRITIC, and after AUTO when it asked them, whichever method it took in the end.
 * @param info   a measurement without a condition
 * @param x      (n, columns of x) rows in the units of the measurement, n at least 2: every row is scored among all others
 * @param y      (n, columns of y)
 * @param value  NULL, or the value
 * @param grad_x NULL, or f32 or f64 as x: the derivative of the value by each number of x
 * @param grad_y likewise for y
 * @return DIM_E_STATE (no critics: another method, or a condition), DIM_E_SHAPE, DIM_E_NUMERIC (NaN or infinity, also of
 *         sums of columns where these are taken), DIM_E_INVALID
 *         (tensors that share memory), DIM_E_NOMEM.
 */
DIM_API dim_status dim_information_gradient(const dim_information *info, const dim_tensor *x, const dim_tensor *y, double *value,
                                            dim_tensor *grad_x, dim_tensor *grad_y);

/** @brief The measurement as a text of some lines, which belongs to it; "" for NULL. */
DIM_API const char *dim_information_report(const dim_information *info);

/** @brief How many notes the report ends with: by what the rows are sorted, and the warnings; 0 for NULL. */
DIM_API int64_t dim_information_remarks(const dim_information *info);

/** @brief Note i, from 0, as a sentence that belongs to the measurement; "" beyond the last one. */
DIM_API const char *dim_information_remark(const dim_information *info, int64_t i);

/** @brief What speaks against candidate i, or what it leaves open, as a sentence that belongs to the library; "" = nothing does. */
DIM_API const char *dim_information_candidate_remark(const dim_information *info, int64_t i);

/**
 * @brief As what a column was taken: the kind that was found, or given.
 * @param info   a measurement
 * @param side   'x', 'y' or 'z'
 * @param column of the tensor of that side, from 0
 * @return DIM_INFORMATION_KIND_CONSTANT: it was left out, for it has one value; DIM_INFORMATION_KIND_AUTO: it was left out, for it
 *         repeats another one, or the column does not exist
 */
DIM_API dim_information_kind dim_information_column_kind(const dim_information *info, char side, int64_t column);

/** @brief A sentence on a warning of this measurement, which belongs to it; "" when the bit is not set. */
DIM_API const char *dim_information_warning_text(const dim_information *info, dim_information_warning bit);

/** @brief Name of a method, such as "knn"; NULL for a number that is not one.  Values count from 0 without gaps. */
DIM_API const char *dim_information_method_name(dim_information_method method);

/** @brief Releases a measurement; NULL is ignored. */
DIM_API void dim_information_destroy(dim_information *info);

DIM_END_DECLS

#endif
