// The two macros that hand a failure to the caller. There is no third.
#ifndef JET_BASE_STATUS_MACROS_H_
#define JET_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expression` from the calling function when it is not OK.
#define JET_RETURN_IF_ERROR(expression)        \
  do {                                         \
    absl::Status jet_status_ = (expression);   \
    if (!jet_status_.ok()) return jet_status_; \
  } while (false)

// Evaluates `expression`, a StatusOr; returns its status when it is not OK, else moves its value
// into `target`, which may declare a variable.
#define JET_ASSIGN_OR_RETURN(target, expression) \
  JET_ASSIGN_OR_RETURN_IMPL_(JET_CONCATENATE_(jet_statusor_, __LINE__), target, expression)

// NOLINTBEGIN(bugprone-macro-parentheses): `target` may be a declaration.
#define JET_ASSIGN_OR_RETURN_IMPL_(statusor, target, expression) \
  auto statusor = (expression);                                  \
  if (!statusor.ok()) return std::move(statusor).status();       \
  target = std::move(statusor).value()
// NOLINTEND(bugprone-macro-parentheses)

#define JET_CONCATENATE_(a, b) JET_CONCATENATE_IMPL_(a, b)
#define JET_CONCATENATE_IMPL_(a, b) a##b

#endif  // JET_BASE_STATUS_MACROS_H_
