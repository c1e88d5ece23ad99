// The signature in a file of its own beside the file: the exact value of security.ima.
#ifndef JET_SIGN_SIDECAR_H_
#define JET_SIGN_SIDECAR_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "sign/signature_store.h"

namespace jet::sign {

// What is added to a file's name where nothing else is asked for; as evmctl does.
inline constexpr char kDefaultSidecarSuffix[] = ".sig";

// INVALID_ARGUMENT unless `suffix` can end a file's name: 1 to 64 bytes without a slash or NUL.
absl::Status CheckSidecarSuffix(absl::string_view suffix);

struct SidecarName {
  int folder_fd;     // of the folder that the file is in; stays the caller's
  std::string name;  // of the file in it
  std::string suffix;
};

// Reads the sidecar of a file; nullopt when it has none. FAILED_PRECONDITION when what has its name
// is no regular file, or is larger than an extended attribute can be (64 KiB).
absl::StatusOr<absl::optional<base::Bytes>> ReadSidecar(const SidecarName& name);

// The sidecar of one file. It appears, or replaces an older one, at once and complete, with mode
// 0644. Not synced, as an attribute is not: after a loss of power it may be missing or empty, which
// is no valid signature.
class SidecarStore : public SignatureStore {
 public:
  explicit SidecarStore(SidecarName name) : name_(std::move(name)) {}

  // As ReadSidecar; FAILED_PRECONDITION also when what is there does not begin as a signature does:
  // it is somebody else's.
  absl::StatusOr<absl::optional<base::Bytes>> Read() const override;
  absl::Status Write(const base::Bytes& value, const base::ChangeGuard& guard) override;

 private:
  SidecarName name_;
};

}  // namespace jet::sign

#endif  // JET_SIGN_SIDECAR_H_
