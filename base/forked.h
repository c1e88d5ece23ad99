// Work that a child of this process does in its place.
#ifndef JET_BASE_FORKED_H_
#define JET_BASE_FORKED_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace jet::base {

// What a child said, and how it ended.
struct ForkedOutcome {
  Bytes report;         // what it wrote
  int wait_status = 0;  // of waitpid
};

// Runs `work` in a forked child and waits for its end. `work` gets the writing end of a pipe, which
// is closed on exec, and writes at most `limit` bytes into it; the child exits with 0 when it
// returns.
absl::StatusOr<ForkedOutcome> RunForked(absl::FunctionRef<void(int report_fd)> work, size_t limit);

}  // namespace jet::base

#endif  // JET_BASE_FORKED_H_
