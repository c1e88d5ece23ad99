// How the kernel's side of `jet-ima status` is shown.
#ifndef JET_CLI_KERNEL_REPORT_H_
#define JET_CLI_KERNEL_REPORT_H_

#include <vector>

#include "cli/command.h"
#include "ima/kernel_state.h"
#include "ima/trust_anchors.h"

namespace jet::cli {

// Prints what is known of the kernel's IMA; "check" objects with --json.
void ReportKernel(Session& session, const ima::KernelState& state);

// Prints which of the kernel's own keyrings exist, and how many certificates they hold.
void ReportKernelRings(Session& session, const std::vector<ima::KernelRing>& rings);

}  // namespace jet::cli

#endif  // JET_CLI_KERNEL_REPORT_H_
