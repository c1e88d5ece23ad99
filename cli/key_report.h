// How keys and their certificates are shown.
#ifndef JET_CLI_KEY_REPORT_H_
#define JET_CLI_KEY_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "cli/command.h"
#include "cli/output.h"
#include "keystore/keystore.h"

namespace jet::cli {

// RFC 3339, UTC, whole seconds.
std::string TimeText(absl::Time time);

// Whole days until `certificate` expires; negative when it has.
int64_t DaysLeft(const pki::Certificate& certificate, absl::Time now);

// Until when `certificate` is valid, with the days left.
std::string ValidityText(const pki::Certificate& certificate, absl::Time now);

// The subject key identifier in hexadecimal; empty when there is none.
std::string SubjectKeyIdentifierText(const pki::Certificate& certificate);

// The three lines that a router shows: Key Name, X509 Cert Path, Key SKI.
Fields KeyFields(const keystore::StoredKey& key);

// All that matters of the key and its certificate.
Fields DetailedKeyFields(const keystore::StoredKey& key, absl::optional<bool> in_keyring);

// {"type":"key",...}; docs/formats/json.md lists the members.
Json KeyObject(const keystore::StoredKey& key, absl::optional<bool> in_keyring);

// The same of a key that waits for its certificate.
Fields KeyFields(const keystore::WaitingKey& key);
Json KeyObject(const keystore::WaitingKey& key);

// "yes", "no" or "unknown".
std::string InKeyringText(absl::optional<bool> in_keyring);

}  // namespace jet::cli

#endif  // JET_CLI_KEY_REPORT_H_
