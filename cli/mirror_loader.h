// What `jet-ima load` does to a keyring, and what it says of it.
#ifndef JET_CLI_MIRROR_LOADER_H_
#define JET_CLI_MIRROR_LOADER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/command.h"
#include "cli/mirror_comparison.h"
#include "ima/keyring.h"
#include "ima/mirror.h"
#include "keystore/keystore.h"

namespace jet::cli {

// How many keys came to what.
struct LoadCounts {
  size_t added = 0;
  size_t present = 0;
  size_t foreign = 0;
  size_t stale = 0;
  size_t pruned = 0;
  size_t failed = 0;
  size_t missing = 0;  // of the failed ones: keys that are not in the ring now
  size_t not_vouched_for =
      0;  // of the missing ones: for which no key that the kernel trusts vouches
};

// Mirrors certificates into one keyring and reports what becomes of each key. The session and the
// keyring must outlive it. Not thread-safe.
class MirrorLoader {
 public:
  MirrorLoader(Session& session, const ima::Keyring& keyring)
      : session_(session), keyring_(keyring) {}

  const LoadCounts& counts() const { return counts_; }
  // What the ring holds of the certificates now.
  const std::vector<pki::Certificate>& mirrored() const { return mirrored_; }

  // Loads the certificates of `store`, whose keys are `listing`. With `prune` the keys that it once
  // mirrored and no longer holds go first, which needs its store key. What the kernel refuses is
  // counted; the status says only whether the ring could be read.
  absl::Status Load(const keystore::Keystore& store, const keystore::KeyListing& listing,
                    bool prune);
  // The same for certificates that are in no keystore.
  absl::Status LoadFiles(const std::vector<ima::NamedCertificate>& certificates);

 private:
  void Prune(const MirrorComparison& comparison);
  void Unlink(const ima::KeyringMember& member, const keystore::MirrorHistory& history);
  void ReportStale(const MirrorComparison& comparison);
  void ReportForeign(const std::vector<ima::KeyringMember>& foreign);
  void Mirror(const std::vector<ima::NamedCertificate>& certificates,
              const std::vector<ima::KeyringMember>& members, const char* word, size_t& count);
  void ReportKey(const ima::MirrorResult& result, const char* word);
  void ReportMember(const ima::KeyringMember& member, const char* word, Tone tone,
                    const absl::Status& error = absl::OkStatus());

  Session& session_;
  const ima::Keyring& keyring_;
  LoadCounts counts_;
  std::vector<pki::Certificate> mirrored_;
};

// Prints what it came to for the keyring called `keyring`: the last line.
void PrintLoadSummary(Session& session, const std::string& keyring, const LoadCounts& counts,
                      bool prune);

}  // namespace jet::cli

#endif  // JET_CLI_MIRROR_LOADER_H_
