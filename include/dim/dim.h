/**
 * @file dim.h
 * @brief All of libdim: Deep InfoMax and mutual information on CPUs.
 */
#ifndef DIM_DIM_H
#define DIM_DIM_H

#include <dim/context.h>
#include <dim/dataset.h>
#include <dim/encoder.h>
#include <dim/estimator.h>
#include <dim/export.h>
#include <dim/model.h>
#include <dim/optimizer.h>
#include <dim/prior.h>
#include <dim/probe.h>
#include <dim/status.h>
#include <dim/tensor.h>

#endif
