// Keeps a command that reads foreign files from everything else.
#ifndef JET_CLI_CONFINEMENT_H_
#define JET_CLI_CONFINEMENT_H_

#include "cli/file_options.h"
#include "cli/output.h"

namespace jet::cli {

struct ConfinementOptions {
  bool signature_files = false;  // those beside the files are read too
  bool explains = false;         // which asks /proc about mounts
};

// Leaves this process, and the threads that it starts from now on, nothing to open but `files`, for
// reading (base/sandbox.h). Not with --files-from, whose names may be any number: that is a note
// with
// --verbose, as is a kernel that offers no such thing.
void ConfineTo(const FileOptions& files, const ConfinementOptions& options, Output& output);

}  // namespace jet::cli

#endif  // JET_CLI_CONFINEMENT_H_
