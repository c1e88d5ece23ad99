// Which paths of a tree are wanted, by patterns.
#ifndef JET_BASE_PATH_FILTER_H_
#define JET_BASE_PATH_FILTER_H_

#include <string>
#include <utility>
#include <vector>

namespace jet::base {

// Patterns of fnmatch(3): `*`, `?`, `[a-z]`, and `\` before a character that means itself. One
// without a slash is matched against the last component of a path, one with a slash against the
// whole path below the named folder, in which `*` matches slashes too. Bytes, not characters.
// Immutable and thread-safe.
class PathFilter {
 public:
  // Takes everything.
  PathFilter() = default;

  // Takes what matches none of `exclude` and, where `include` is not empty, one of those.
  PathFilter(std::vector<std::string> include, std::vector<std::string> exclude)
      : include_(std::move(include)), exclude_(std::move(exclude)) {}

  // True when everything is taken.
  bool empty() const { return include_.empty() && exclude_.empty(); }

  // `path` is relative to the folder that was named, without a slash at either end.
  bool TakesFile(const std::string& path) const;

  // False for a folder that matches one of `exclude`: nothing below it is taken.
  bool EntersFolder(const std::string& path) const;

  // True when a walk that asks both would take the file.
  bool Reaches(const std::string& path) const;

 private:
  std::vector<std::string> include_;
  std::vector<std::string> exclude_;
};

}  // namespace jet::base

#endif  // JET_BASE_PATH_FILTER_H_
