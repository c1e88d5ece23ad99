// What may be in a keystore, and with which modes: looked at, and mended.
#ifndef JET_KEYSTORE_STORE_LAYOUT_H_
#define JET_KEYSTORE_STORE_LAYOUT_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace jet::keystore {

enum class Layout { kCheck, kMend };

// What a file or folder of the keystore must be like.
struct LayoutRow {
  const char* name;
  bool folder;
  mode_t mode;  // at most
};

// The keystore's folder itself, what may be in it, a key's folder, and what may be in that.
LayoutRow RootRow();
absl::Span<const LayoutRow> RootEntries();
LayoutRow KeyFolderRow();
absl::Span<const LayoutRow> KeyFolderEntries();

// Looks at entries of the keystore, one after the other. With kMend it also sets modes right.
class LayoutInspector {
 public:
  explicit LayoutInspector(Layout what) : what_(what) {}

  // Checks type, owner and mode of the entry `name` of `dir_fd` against `row`; `path` is for
  // people. Adds to problems(), or, what it mended, to mended(). Nothing for what is not there.
  void Inspect(int dir_fd, const std::string& name, const LayoutRow& row, absl::string_view path);

  // As Inspect for every entry of the open folder `dir_fd`; one that no row names is a problem.
  // A status means that the folder could not be listed.
  absl::Status InspectEntries(int dir_fd, absl::Span<const LayoutRow> rows, absl::string_view path);

  // What was found since this was last called.
  std::vector<std::string> TakeProblems();
  const std::vector<std::string>& mended() const { return mended_; }

 private:
  void CheckMode(int dir_fd, const std::string& name, const LayoutRow& row, mode_t mode,
                 absl::string_view path);

  Layout what_;
  std::vector<std::string> problems_;
  std::vector<std::string> mended_;
};

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_STORE_LAYOUT_H_
