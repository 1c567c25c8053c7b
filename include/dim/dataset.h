/**
 * @file dataset.h
 * @brief Data: files, arrays and callbacks as datasets; shuffled batches with prefetch from a loader.
 */
#ifndef DIM_DATASET_H
#define DIM_DATASET_H

#include <dim/augment.h>

DIM_BEGIN_DECLS

/** Opaque dataset: images of one shape and dtype, optionally with class labels. */
typedef struct dim_dataset dim_dataset;
/** Opaque loader: batches of a dataset. */
typedef struct dim_loader dim_loader;

/** Part of a dataset. */
typedef enum dim_split {
    DIM_SPLIT_TRAIN = 0,     /**< training samples */
    DIM_SPLIT_TEST = 1,      /**< test samples */
    DIM_SPLIT_UNLABELED = 2, /**< STL-10's images without labels */
    DIM_SPLIT_TRAIN_UNLABELED = 3, /**< STL-10's training images, then those without labels, whose labels are -1, as one set */
    DIM_SPLIT_FORCE_INT = 0x7fffffff
} dim_split;

/** Which of several labels of a sample. */
typedef enum dim_labels {
    DIM_LABELS_FINE = 0,
    DIM_LABELS_COARSE = 1, /**< CIFAR-100's 20 classes */
    DIM_LABELS_NONE = 2,   /**< labels are not read and need not be there; dim_dataset_classes() is 0 */
    DIM_LABELS_FORCE_INT = 0x7fffffff
} dim_labels;

/** What happens at an image file that is broken or cannot be opened. */
typedef enum dim_on_error {
    DIM_ON_ERROR_FAIL = 0, /**< the call that needs it fails and names it */
    DIM_ON_ERROR_SKIP = 1, /**< the next sample that can be read takes its place, with its own label (the first one
                                follows the last); dim_dataset_skipped() counts */
    DIM_ON_ERROR_FORCE_INT = 0x7fffffff
} dim_on_error;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_dataset_options {
    size_t size;           /**< set by DIM_OPTIONS_INIT */
    dim_labels labels;     /**< COARSE is for CIFAR-100; elsewhere it is DIM_E_INVALID.  NONE is for all kinds */
    dim_on_error on_error; /**< SKIP matters for image files only */
    /**
     * "folder" and "tiny": the smaller side of every image is resized to this (bicubic, widened when shrinking, as PIL
     * does it) and the centre is cut out, image_size x image_size; at most 4096.  0: all images must have the size
     * of the first, else DIM_E_SHAPE.  "stl10": likewise; 0: images stay 96 x 96.  "csv": the columns are an image of
     * image_size x image_size, of 1 or 3 channels.  For other kinds of data DIM_E_INVALID.
     */
    uint32_t image_size;
    /** "folder" and "tiny": 1 = pixels as they lie in the file; 0 = turned and mirrored as the file's EXIF orientation
     *  says, which is what viewers show.  For other kinds of data DIM_E_INVALID */
    uint32_t keep_orientation;
    /**
     * "folder" and "tiny": bytes that one image may take while it is decoded and resized, beside its file; 0 = 2^29.
     * An image that needs more counts as broken.  It bounds the work too: the scans of a progressive JPEG go over 2
     * pixels at most for each of these bytes.  For other kinds of data DIM_E_INVALID.
     */
    uint64_t image_memory;
    /** "csv": the column of the labels: its name in the header, or its number, from 0; NULL = the one with the name
     *  label, if there is one.  For other kinds of data DIM_E_INVALID. */
    const char *label_column;
} dim_dataset_options;

/**
 * @brief Opens a dataset by a specification, as the examples' `--data` takes it, with the default options.
 *
 * Read into memory as u8, labels too:
 * - "cifar10:DIR": data_batch_1.bin .. 5, test_batch.bin.
 * - "cifar100:DIR": train.bin, test.bin; fine labels.
 * - "idx:DIR": train-images-idx3-ubyte, train-labels-idx1-ubyte and t10k- likewise, plain or .gz; also with a dot in
 *   place of the last but one hyphen (train-images.idx3-ubyte), and test- for t10k-.  A name may go before
 *   (emnist-letters-train-images-idx3-ubyte): "idx:DIR/emnist-letters"; "idx:DIR" takes it where there is one such name.
 *   Images are as they lie in the file, so that EMNIST's are transposed.
 *
 * Read into memory as u8 or f32:
 * - "npy:FILE.npy", which is the training data, or "npy:DIR": DIR/train.npy, and for DIM_SPLIT_TEST DIR/val.npy or, when
 *   there is none, DIR/test.npy.  Arrays of any type that dim_tensor_load_npy() reads: bool and uint8 become u8, all
 *   others f32, and must be finite there.  They are (N, C, H, W); or (N, H, W, C), when the last axis is 1, 3 or 4 and
 *   the second is above 4; or (N, H, W), grey images of u8; or vectors (N, d).  Labels are in FILE.labels.npy, integers
 *   (N); without such a file, or when all of them are -1, the samples have no labels.
 * - "csv:FILE", which is the training data, or "csv:DIR" with train.csv, and val.csv or test.csv, plain or .gz: vectors
 *   in f32, one in each line, with commas between the numbers, or tabs when the first line has one.  Numbers have a point
 *   in every locale, and must be finite.  A first line with a name in it is the header.  Fields may be in double quotes;
 *   empty lines are left out.  Labels are whole numbers from 0 on, in the column label_column of the options.
 *   With image_size the numbers must be whole, 0 .. 255, and become images (C, H, W) of u8.
 *
 * Read from the files whenever a sample is needed (a loader does this on its threads), so that the files must stay:
 * - "stl10:DIR": train_X.bin, train_y.bin, test_X.bin, test_y.bin; unlabeled_X.bin.  Labels are 0 .. 9.
 * - "folder:DIR": DIR/train/CLASS with .jpg, .jpeg and .png files (in any case), in folders below it too, whatever
 *   their names, 32 deep at most.  For DIM_SPLIT_TEST DIR/val/CLASS or, when there is no DIR/val, DIR/test/CLASS.
 *   Symbolic links are followed; DIM_E_FORMAT are a folder that is reached twice, and a link among the classes that leads
 *   nowhere.  The classes are the folders of DIR/train (of the split, when there is no DIR/train) in the order
 *   of strcmp(); samples are in the order of their classes and paths.  Hidden names, files of other kinds, and folders
 *   that systems make (__MACOSX, \@eaDir, lost+found, $RECYCLE.BIN, System Volume Information) are left out:
 *   dim_dataset_left_out() counts them, and the log has a line, as for classes without an image.
 *   With DIM_LABELS_NONE all image files in and below DIR/train or, when there is none of train, val and test, DIR.
 * - "tiny:DIR": Tiny ImageNet, the same, except that all images of DIR/val are in the one folder DIR/val/images, and
 *   their classes in DIR/val/val_annotations.txt: on each line a file and its class, with a tab between.  Images that
 *   this file does not list are left out; an image that it lists twice is DIM_E_FORMAT.  "folder:DIR" does the same
 *   where it finds this file.
 *
 * Image files become (3, H, W) as PIL's convert("RGB") makes them: grey and palettes expanded, CMYK multiplied out,
 * alpha dropped; of 16 bits the upper 8 count; turned as EXIF says.  A file is read by its contents, whatever its ending.
 * An image counts as broken when its picture is damaged or incomplete, when a side is above 16384, when it has more than
 * 2^26 pixels, or when it costs more than the options allow.
 * @param ctx   context that will own the dataset
 * @param spec  KIND:DIR or KIND:FILE as above
 * @param split which files are read
 * @param out   set only on DIM_OK; release with dim_dataset_destroy()
 * @return DIM_E_INVALID (unknown kind, a split that this kind does not have), DIM_E_IO (missing), DIM_E_FORMAT
 *         (truncated, oversized, empty, wrong magic, no classes or images, a broken first image; the text names the
 *         file), DIM_E_SHAPE (an array that is neither images nor vectors), DIM_E_UNSUPPORTED (this build lacks zlib,
 *         libjpeg or libpng; another element type), DIM_E_NOMEM.
 */
DIM_API dim_status dim_dataset_open(dim_context *ctx, const char *spec, dim_split split, dim_dataset **out);

/**
 * @brief As dim_dataset_open(), with options.
 * @param ctx     context that will own the dataset
 * @param spec    KIND:DIR or KIND:FILE
 * @param split   which files are read
 * @param options NULL = defaults
 * @param out     set only on DIM_OK; release with dim_dataset_destroy()
 * @return as dim_dataset_open(); DIM_E_INVALID also for an option that the kind does not have.
 */
DIM_API dim_status dim_dataset_open_with(dim_context *ctx, const char *spec, dim_split split,
                                         const dim_dataset_options *options, dim_dataset **out);

/**
 * @brief A dataset on tensors of the caller's, which it keeps alive; nothing is copied.
 *
 * The caller may destroy its own tensors at once, but wrapped memory must stay valid until the last user is gone.
 * @param ctx    context of both tensors
 * @param images (N, C, H, W) or (N, features), u8 or f32, N > 0, any strides; signals (N, C, L) are kept as (N, C, 1, L)
 * @param labels i32 or i64 (N), each >= 0, or -1: the sample has none; NULL = none has one.  Checked now, so they must not be
 *               changed later.
 * @param out    set only on DIM_OK; release with dim_dataset_destroy()
 * @return DIM_E_INVALID (dtype, empty, a label below -1, another context), DIM_E_SHAPE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_dataset_from_tensors(dim_context *ctx, dim_tensor *images, dim_tensor *labels,
                                            dim_dataset **out);

/**
 * Writes sample `index` (u8 or f32, C H W, contiguous) into `image` and its class into `label` (-1 when it has none).
 * Called from a loader's thread or from dim_dataset_read(), one call at a time for each dataset; it must not use the
 * dataset's context.  It must return: no exception of C++ and no longjmp() may leave it.  On a loader's thread an exception
 * ends the program; from dim_dataset_read() it may arrive at the caller, and then the dataset can be used as before.  A
 * label outside -1 .. classes - 1 counts as a failure; without classes it is ignored.
 * @return 0, or anything else to fail with DIM_E_CALLBACK.
 */
typedef int (*dim_sample_fn)(void *user, int64_t index, void *image, int64_t *label);

/**
 * @brief A dataset that asks the caller for each sample.
 * @param ctx     context that will own the dataset
 * @param count   number of samples, at least 1
 * @param dtype   of the samples: u8 or f32
 * @param rank    of a sample: 3 (C, H, W) or 1 (features)
 * @param shape   of a sample, `rank` sizes
 * @param classes number of classes, at most 2^31 - 1; 0 = no labels
 * @param read    called for each sample, see dim_sample_fn
 * @param user    passed to read; must stay valid until the dataset and its loaders are destroyed
 * @param out     set only on DIM_OK; release with dim_dataset_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_dataset_from_callback(dim_context *ctx, int64_t count, dim_dtype dtype, int rank,
                                             const int64_t *shape, int64_t classes, dim_sample_fn read, void *user,
                                             dim_dataset **out);

/** @brief Number of samples. */
DIM_API int64_t dim_dataset_count(const dim_dataset *ds);
/** @brief Number of classes: those of CIFAR and STL-10, class folders, what a callback's dataset was given, else the
 *  largest label + 1; 0 without labels. */
DIM_API int64_t dim_dataset_classes(const dim_dataset *ds);
/**
 * @brief Name of a class: of its folder; for CIFAR and STL-10 from the file of names, if that file exists
 *        (batches.meta.txt, fine_label_names.txt, coarse_label_names.txt, class_names.txt).
 * @param ds    the dataset
 * @param label from 0
 * @return text owned by the dataset; NULL when the class has no name, or when the file of names has more or fewer lines
 *         than there are classes.
 */
DIM_API const char *dim_dataset_class_name(const dim_dataset *ds, int64_t label);
/**
 * @brief Number of files that were found broken so far under DIM_ON_ERROR_SKIP, each counted once.
 *
 * Loaders read ahead, so the number may be ahead of the batches.  It is final when every sample has been read once.
 */
DIM_API int64_t dim_dataset_skipped(const dim_dataset *ds);
/**
 * @brief Number of names in the folders of "folder" and "tiny" that are not samples: hidden ones, files of other kinds,
 *        files beside the class folders, links that lead nowhere, folders that systems make, images that
 *        val_annotations.txt does not list.  A line in the log tells how many of which; 0 for other kinds of data.
 */
DIM_API int64_t dim_dataset_left_out(const dim_dataset *ds);
/** @brief Element type of the images; DIM_F32 for NULL. */
DIM_API dim_dtype dim_dataset_dtype(const dim_dataset *ds);
/** @brief Shape of one sample: (C, H, W), or (features, 1, 1).  @return its rank, 3 or 1; 0 for NULL. */
DIM_API int dim_dataset_shape(const dim_dataset *ds, int64_t shape[3]);

/**
 * @brief Copies samples first .. first + count - 1 in their own order.
 * @param ds     the dataset
 * @param first  index of the first sample, from 0
 * @param count  number of samples
 * @param images (count, C, H, W) or (count, features) of any dtype, any strides with which no two elements share
 *               memory; NULL when not wanted
 * @param labels i32 or i64 (count); NULL when not wanted; -1 where a sample has none
 * @return DIM_E_INVALID (a range that is not in the dataset, dtype of labels), DIM_E_SHAPE; DIM_E_CALLBACK,
 *         and DIM_E_IO, DIM_E_FORMAT, DIM_E_SHAPE, DIM_E_UNSUPPORTED, DIM_E_NOMEM for a file that is read now (the
 *         samples before the failing one have then been written).
 */
DIM_API dim_status dim_dataset_read(dim_dataset *ds, int64_t first, int64_t count, dim_tensor *images,
                                    dim_tensor *labels);

/** @brief Releases a dataset; loaders on it keep it alive.  NULL is ignored. */
DIM_API void dim_dataset_destroy(dim_dataset *ds);

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_loader_options {
    size_t size;        /**< set by DIM_OPTIONS_INIT */
    uint64_t seed;      /**< of the shuffling and the augmentation; 0 = the context's */
    uint32_t batch;     /**< samples a batch; 0 = 64 */
    uint32_t in_order;  /**< 1 = no shuffling */
    uint32_t keep_last; /**< 1 = the last, smaller batch of an epoch is delivered too */
    uint32_t prefetch;  /**< batches prepared ahead, on threads of the loader's; 0 = 2; at most 4096 */
    uint32_t no_thread; /**< 1 = no thread: batches are made when asked for */
    uint32_t reserved0; /**< must be 0; keeps the struct unpadded */
    const dim_augment *augment; /**< makes batches of views, see dim_loader_next(); copied; NULL = none */
    uint32_t views;     /**< of each image, with augment; 0 = 1; at most 1024 */
    /** threads that prepare batches, one batch each; 0 = 1; at most 256, with no_thread at most 1; prefetch is at least
     *  as many */
    uint32_t workers;
    /** Training on several ranks (<dim/comm.h>): the batches are those of one loader with a batch of ranks times `batch`, in one order
     *  for all ranks, and this loader has samples rank times `batch` and on of each.  Of a last, smaller batch each rank has as many,
     *  and up to ranks - 1 samples of the epoch are left out.  From 0, below `ranks` */
    uint32_t rank;
    uint32_t ranks;     /**< see rank; 0 = 1; at most 65536 */
} dim_loader_options;

/**
 * @brief Creates a loader.
 * @param ds      the dataset, which the loader keeps alive
 * @param options NULL = defaults
 * @param out     set only on DIM_OK; release with dim_loader_destroy()
 * @return DIM_E_INVALID (a batch larger than the dataset without keep_last; augment and images that are not u8),
 *         DIM_E_SHAPE (images that augment does not take), DIM_E_NOMEM, DIM_E_SYSTEM (no threads).
 */
DIM_API dim_status dim_loader_create(dim_dataset *ds, const dim_loader_options *options, dim_loader **out);

/**
 * @brief The next batch; epochs follow each other, each in a new order drawn from (seed, epoch).
 *
 * The same seed gives the same batches, with any prefetch and any number of workers.
 *
 * With augment the images are f32 (views N, C, H', W'): the first view of every image, then the second of every image,
 * as dim_augment_apply() makes them for the loader's seed, the epoch and the samples' numbers; there are N labels.
 * They are normalised already: an encoder for them needs no mean and std.
 * @param loader the loader
 * @param images set to a tensor of the loader's, valid until the next call; do not destroy.  It has the dataset's
 *               dtype, or f32 with augment.
 * @param labels likewise, i32 (N), -1 where a sample has none; NULL when not wanted
 * @return DIM_E_STATE in a forked child, which does not have the loader's threads; DIM_E_CALLBACK and the errors of the
 *         source, after which a later call goes on with the next batch.
 */
DIM_API dim_status dim_loader_next(dim_loader *loader, dim_tensor **images, dim_tensor **labels);

/** @brief Epoch, from 0, of the batch that dim_loader_next() gave last. */
DIM_API uint64_t dim_loader_epoch(const dim_loader *loader);

/** @brief Batches of one epoch. */
DIM_API uint64_t dim_loader_batches(const dim_loader *loader);

/** @brief Stops the threads and releases the loader; NULL is ignored. */
DIM_API void dim_loader_destroy(dim_loader *loader);

DIM_END_DECLS

#endif
