// From the words of the command line to the command that runs.
#ifndef JET_CLI_DISPATCH_H_
#define JET_CLI_DISPATCH_H_

#include <string>
#include <vector>

namespace jet::cli {

// Runs the command that `arguments` (argv without argv[0]) name and returns the exit status.
// `program` is argv[0]: called as "jet-sign" the program is `jet sign`, as "jet-keystore" it is
// `jet keystore`.
int Dispatch(const std::string& program, std::vector<std::string> arguments);

}  // namespace jet::cli

#endif  // JET_CLI_DISPATCH_H_
