// The questions of jet-certificate-request.
#ifndef JET_CLI_REQUEST_DIALOG_H_
#define JET_CLI_REQUEST_DIALOG_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "cli/line_editor.h"
#include "jet-cert-request/form.h"

namespace jet::cli {

// What the dialog offers for what it asks.
struct RequestSuggestions {
  cert_request::Form form;  // of the request made before
  // The index to offer for a name of which only the index is open; nullopt for none.
  std::function<absl::optional<uint64_t>(const cert_request::CertificateName&)> next_index;
};

// Asks for every field of `form` without an answer, in order. A wrong answer gets its rule and is
// asked for again; "?" prints the field's help; an empty line takes what is offered in brackets. A
// name that is too long as a whole is said as soon as it is known, and its open parts are asked for
// again. Then shows a summary with the name and `more` (aligned lines about key type and files),
// and asks whether to go on: "no" is CANCELLED, "change" asks everything that was asked again, with
// the answers given as suggestions. CANCELLED also at the end of input.
absl::Status AskForForm(LineEditor& editor, const RequestSuggestions& suggestions,
                        const std::vector<std::pair<std::string, std::string>>& more,
                        cert_request::Form& form);

}  // namespace jet::cli

#endif  // JET_CLI_REQUEST_DIALOG_H_
