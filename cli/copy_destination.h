// jet-sign --output-dir: signs copies and leaves the files alone.
#ifndef JET_CLI_COPY_DESTINATION_H_
#define JET_CLI_COPY_DESTINATION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/file_options.h"
#include "cli/signature_destination.h"

namespace jet::cli {

// Makes the destination that writes signed copies of `files` into the folder `path`: what is below
// the one folder of -r under its path there, a file that was named under its last component.
// Nothing is made before the first copy. A usage error when there are several folders, two files
// would get the same name, or the copies would lie among the files.
absl::StatusOr<std::unique_ptr<SignatureDestination>> MakeCopyDestination(const std::string& path,
                                                                          bool best_effort,
                                                                          const FileOptions& files);

}  // namespace jet::cli

#endif  // JET_CLI_COPY_DESTINATION_H_
