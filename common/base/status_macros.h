// Early return for absl::Status and absl::StatusOr.
//
//   TF_RETURN_IF_ERROR(Check(x));
//   TF_ASSIGN_OR_RETURN(UniqueFd fd, OpenForRead(path));
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <utility>

#define TF_STATUS_CONCAT_INNER(a, b) a##b
#define TF_STATUS_CONCAT(a, b) TF_STATUS_CONCAT_INNER(a, b)

#define TF_RETURN_IF_ERROR(expression)                                     \
  if (absl::Status tf_status = (expression); tf_status.ok()) { /* go on */ \
  } else                                                                   \
    return tf_status

#define TF_ASSIGN_OR_RETURN(declaration, expression) \
  TF_ASSIGN_OR_RETURN_INNER(TF_STATUS_CONCAT(tf_result_, __LINE__), declaration, expression)

#define TF_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                      \
  if (!result.ok()) return std::move(result).status();             \
  declaration = *std::move(result)
