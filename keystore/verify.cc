#include "keystore/verify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "ima/key_id.h"
#include "ima/signing_certificate.h"
#include "keystore/key_exchange.h"
#include "keystore/key_folder.h"
#include "keystore/master_key.h"
#include "keystore/mirror_history.h"
#include "keystore/pending_work.h"
#include "keystore/rename.h"
#include "keystore/store_folder.h"
#include "keystore/store_layout.h"

namespace jet::keystore {
namespace {

constexpr char kKeys[] = "keys";
constexpr char kStaging[] = "staging";

absl::StatusOr<base::UniqueFd> OpenFolder(int dir_fd, const std::string& name) {
  return base::OpenAt(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// One look at a keystore. It holds the shared lock.
class Verifier {
 public:
  Verifier(StoreFolder folder, const MasterKeyOptions& master_key, absl::Time now)
      : folder_(std::move(folder)),
        master_key_({folder_.path(), folder_.descriptor(), /*staging=*/-1}, master_key),
        now_(now) {}

  absl::StatusOr<VerifyReport> Run();

 private:
  struct ReadKey {
    size_t object;  // in report_
    KeyFolder folder;
  };

  absl::Status OpenStoreKeys();
  absl::Status CheckKeys();
  absl::Status CheckKey(const std::string& name);
  absl::Status CheckFiles(const std::string& name, CheckedObject& object);
  void CheckContent(const KeyFolder& folder, CheckedObject& object) const;
  void CheckTwins();
  void CheckTwin(const ReadKey& key, const ReadKey& other);
  CheckedObject CheckStoreKey() const;
  void CheckMirrorHistory();
  absl::Status CheckPendingWork();
  absl::Status CheckLeftOver();
  std::string PathOf(absl::string_view name) const {
    return absl::StrCat(folder_.path(), "/", name);
  }

  StoreFolder folder_;
  MasterKey master_key_;
  absl::Time now_;
  const StoreKeys* store_keys_ = nullptr;  // null: not at hand
  absl::Status store_key_error_;           // why not
  bool locked_ = false;                    // the passphrase is what is missing
  LayoutInspector inspector_{Layout::kCheck};
  std::vector<std::string> store_key_ids_;  // that the records name
  std::vector<ReadKey> read_;
  VerifyReport report_;
};

std::string LeftOverText(absl::string_view entry) {
  return absl::StrCat(
      entry == kRenameJournal ? "a rename is unfinished" : "a writer that was killed left it",
      "; the next change of the keystore, or verify --repair, puts it in order");
}

// What modes, owners and unknown entries say of the keystore's folder and of what is right in it.
absl::StatusOr<CheckedObject> CheckRoot(const std::string& path) {
  JET_ASSIGN_OR_RETURN(const base::UniqueFd root,
                       base::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  LayoutInspector inspector(Layout::kCheck);
  inspector.Inspect(root.get(), ".", RootRow(), path);
  JET_RETURN_IF_ERROR(inspector.InspectEntries(root.get(), RootEntries(), path));
  CheckedObject object = {CheckedKind::kFolder, ".", CheckResult::kVerified,
                          inspector.TakeProblems()};
  if (!object.problems.empty()) object.result = CheckResult::kFailed;
  return object;
}

absl::Status Verifier::OpenStoreKeys() {
  const absl::StatusOr<const StoreKeys*> opened = master_key_.Open();
  if (IsOwnFailure(opened.status())) return opened.status();
  if (opened.ok()) {
    store_keys_ = *opened;
    return absl::OkStatus();
  }
  store_key_error_ = opened.status();
  const absl::StatusOr<bool> is_protected = master_key_.IsProtected();
  locked_ = is_protected.ok() && *is_protected && absl::IsFailedPrecondition(store_key_error_);
  return absl::OkStatus();
}

absl::StatusOr<VerifyReport> Verifier::Run() {
  JET_RETURN_IF_ERROR(OpenStoreKeys());
  JET_RETURN_IF_ERROR(CheckKeys());
  CheckTwins();
  if (!absl::IsNotFound(store_key_error_) || !report_.objects.empty()) {
    report_.objects.insert(report_.objects.begin(), CheckStoreKey());
  }
  CheckMirrorHistory();
  JET_RETURN_IF_ERROR(CheckPendingWork());
  JET_RETURN_IF_ERROR(CheckLeftOver());
  return std::move(report_);
}

absl::Status Verifier::CheckKeys() {
  JET_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder_.KeyNames());
  for (const std::string& name : names) JET_RETURN_IF_ERROR(CheckKey(name));
  return absl::OkStatus();
}

absl::Status Verifier::CheckKey(const std::string& name) {
  CheckedObject object = {CheckedKind::kKey, name, CheckResult::kVerified, {}};
  const absl::Status good_name = CheckKeyName(name);
  if (good_name.ok()) {
    JET_RETURN_IF_ERROR(CheckFiles(name, object));
  } else {
    object.problems.emplace_back(good_name.message());
    object.result = CheckResult::kFailed;
  }
  report_.objects.push_back(std::move(object));
  return absl::OkStatus();
}

absl::Status Verifier::CheckFiles(const std::string& name, CheckedObject& object) {
  const std::string path = folder_.KeyPath(name);
  const KeyPlace place = {folder_.ParentOf(name), name, path};
  inspector_.Inspect(place.parent, name, KeyFolderRow(), path);
  const absl::StatusOr<base::UniqueFd> opened = OpenFolder(place.parent, name);
  if (IsOwnFailure(opened.status())) return opened.status();
  if (opened.ok()) {
    JET_RETURN_IF_ERROR(inspector_.InspectEntries(opened->get(), KeyFolderEntries(), path));
  }
  object.problems = inspector_.TakeProblems();
  absl::StatusOr<KeyFolder> read = ReadKeyFolder(place, name, store_keys_);
  if (IsOwnFailure(read.status())) return read.status();
  if (read.ok()) {
    CheckContent(*read, object);
  } else if (object.problems.empty() || !absl::IsFailedPrecondition(read.status())) {
    // Not what the modes have said already.
    object.problems.emplace_back(read.status().message());
  }
  if (!read.ok()) {
    object.result = CheckResult::kFailed;
    read = ReadKeyFolder(place, name, nullptr);  // for the store key that it names
  }
  if (!object.problems.empty() && object.result == CheckResult::kVerified) {
    object.result = CheckResult::kFailed;
  }
  if (!read.ok()) return absl::OkStatus();
  store_key_ids_.push_back(read->store_key_id);
  read_.push_back({report_.objects.size(), *std::move(read)});
  return absl::OkStatus();
}

void Verifier::CheckContent(const KeyFolder& folder, CheckedObject& object) const {
  const bool has_file = !folder.files.private_key_pem.empty();
  const auto* const certificate = absl::get_if<pki::Certificate>(&folder.files.document);
  if (certificate != nullptr) {
    const absl::Status usable =
        ima::CheckSigningCertificate(*certificate, now_, ima::ExpiredCertificates::kAllow).status();
    if (!usable.ok()) object.problems.emplace_back(usable.message());
  }
  if (has_file && store_keys_ != nullptr) {
    const absl::Status opens = OpenPrivateKeyOf(folder, *store_keys_).status();
    if (!opens.ok()) object.problems.emplace_back(opens.message());
  }
  if (!object.problems.empty()) {
    object.result = CheckResult::kFailed;
    return;
  }
  const absl::Status dates =
      certificate == nullptr ? absl::OkStatus() : ima::CheckDates(*certificate, now_);
  if (!dates.ok()) {
    object.problems.push_back(
        absl::StrCat(dates.message(), " (the kernel does not look at dates)"));
    object.result = CheckResult::kOutOfDate;
  }
  if (!folder.files.private_key_uri.empty()) {
    object.problems.push_back(absl::StrCat("its private key is in a token ('",
                                           folder.files.private_key_uri,
                                           "'), which was not looked at"));
    object.result = CheckResult::kUnchecked;
  }
  if (store_keys_ == nullptr) {
    object.problems.push_back(
        absl::StrCat("its files fit its record, but without the store key its record's HMAC",
                     has_file ? " and its private key" : "", " could not be checked"));
    object.result = CheckResult::kUnchecked;
  }
}

void Verifier::CheckTwins() {
  for (size_t i = 0; i < read_.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      CheckTwin(read_[i], read_[j]);
      CheckTwin(read_[j], read_[i]);
    }
  }
}

void Verifier::CheckTwin(const ReadKey& key, const ReadKey& other) {
  const auto* const certificate = absl::get_if<pki::Certificate>(&key.folder.files.document);
  const auto* const another = absl::get_if<pki::Certificate>(&other.folder.files.document);
  if (certificate == nullptr || another == nullptr || !ima::ShareKeyId(*certificate, *another) ||
      certificate->public_key() == another->public_key()) {
    return;
  }
  CheckedObject& object = report_.objects[key.object];
  object.problems.push_back(absl::StrCat("its key id could also mean '", other.folder.files.name,
                                         "', which is another key: the kernel could not tell "
                                         "them apart"));
  object.result = CheckResult::kFailed;
}

CheckedObject Verifier::CheckStoreKey() const {
  CheckedObject object = {CheckedKind::kStoreKey, kMasterKeyFile, CheckResult::kVerified, {}};
  if (store_keys_ == nullptr) {
    object.problems.emplace_back(store_key_error_.message());
    object.result = locked_ ? CheckResult::kUnchecked : CheckResult::kFailed;
    return object;
  }
  if (!store_keys_->next_error().ok()) {
    object.problems.emplace_back(store_keys_->next_error().message());
  }
  // What binds a store key to the store is that records name it.
  const bool in_use =
      std::any_of(store_key_ids_.begin(), store_key_ids_.end(),
                  [this](const std::string& id) { return store_keys_->Find(id) != nullptr; });
  if (!store_key_ids_.empty() && !in_use) {
    object.problems.push_back(absl::StrCat("no key of the keystore was stored under it (",
                                           store_keys_->Description(),
                                           "): it is damaged, or of another keystore; restore it "
                                           "from a backup"));
  }
  if (!object.problems.empty()) object.result = CheckResult::kFailed;
  return object;
}

void Verifier::CheckMirrorHistory() {
  struct stat status = {};
  if (fstatat(folder_.descriptor(), kMirrorHistoryFile, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  CheckedObject object = {CheckedKind::kFolder, kMirrorHistoryFile, CheckResult::kVerified, {}};
  if (store_keys_ == nullptr) {
    object.problems.emplace_back("its HMAC could not be checked without the store key");
    object.result = CheckResult::kUnchecked;
  } else {
    const absl::Status read = ReadMirrorHistory(folder_, store_keys_).status();
    if (!read.ok()) {
      object.problems.emplace_back(read.message());
      object.result = CheckResult::kFailed;
    }
  }
  report_.objects.push_back(std::move(object));
}

// Pending work has no HMAC: that each entry is one is all that can be said.
absl::Status Verifier::CheckPendingWork() {
  JET_ASSIGN_OR_RETURN(const absl::optional<PendingWork> pending,
                       PendingWork::OpenExisting(folder_.path()));
  if (!pending.has_value()) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(const std::vector<PendingItem> items, pending->List());
  for (const PendingItem& item : items) {
    const absl::Status& status = item.entry.status();
    CheckedObject object = {CheckedKind::kFolder,
                            absl::StrCat("pending/", item.peer, "/", item.name),
                            status.ok() ? CheckResult::kVerified : CheckResult::kFailed,
                            {}};
    if (!status.ok()) object.problems.emplace_back(status.message());
    report_.objects.push_back(std::move(object));
  }
  return absl::OkStatus();
}

absl::Status Verifier::CheckLeftOver() {
  if (store_keys_ != nullptr && store_keys_->next() != nullptr) {
    report_.objects.push_back({CheckedKind::kStaged,
                               absl::StrCat(kMasterKeyFile, kNextSuffix),
                               CheckResult::kLeftOver,
                               {"a rekey is unfinished; rekey, or verify --repair, goes on"}});
  }
  for (const char* const name : {kReplaced, kStaging}) {
    const absl::StatusOr<base::UniqueFd> folder = OpenFolder(folder_.descriptor(), name);
    if (absl::IsNotFound(folder.status())) continue;
    JET_RETURN_IF_ERROR(folder.status());
    JET_ASSIGN_OR_RETURN(const std::vector<std::string> entries,
                         base::ListFolder(folder->get(), PathOf(name)));
    for (const std::string& entry : entries) {
      report_.objects.push_back({CheckedKind::kStaged,
                                 absl::StrCat(name, "/", entry),
                                 CheckResult::kLeftOver,
                                 {LeftOverText(entry)}});
    }
  }
  return absl::OkStatus();
}

}  // namespace

size_t VerifyReport::Count(CheckResult result) const {
  return static_cast<size_t>(
      std::count_if(objects.begin(), objects.end(),
                    [result](const CheckedObject& object) { return object.result == result; }));
}

absl::StatusOr<VerifyReport> Verify(const std::string& path, const MasterKeyOptions& master_key,
                                    absl::Time now) {
  absl::StatusOr<StoreFolder> folder = StoreFolder::Open(path, Access::kRead);
  if (!folder.ok() && !absl::IsFailedPrecondition(folder.status())) return folder.status();
  JET_ASSIGN_OR_RETURN(CheckedObject root, CheckRoot(path));
  VerifyReport report;
  if (folder.ok()) {
    JET_ASSIGN_OR_RETURN(report, Verifier(*std::move(folder), master_key, now).Run());
  } else {
    root.result = CheckResult::kFailed;
    if (root.problems.empty()) root.problems.emplace_back(folder.status().message());
    report.objects.push_back(
        {CheckedKind::kFolder,
         kKeys,
         CheckResult::kUnchecked,
         {"no key was checked, as others could change the keystore meanwhile"}});
  }
  report.objects.insert(report.objects.begin(), std::move(root));
  return report;
}

}  // namespace jet::keystore
