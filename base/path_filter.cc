#include "base/path_filter.h"

#include <fnmatch.h>

#include <algorithm>

namespace jet::base {
namespace {

bool Matches(const std::string& pattern, const std::string& path) {
  if (pattern.find('/') != std::string::npos) return fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
  const size_t slash = path.rfind('/');
  const char* const name = path.c_str() + (slash == std::string::npos ? 0 : slash + 1);
  return fnmatch(pattern.c_str(), name, 0) == 0;
}

bool MatchesOne(const std::vector<std::string>& patterns, const std::string& path) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&path](const std::string& pattern) { return Matches(pattern, path); });
}

}  // namespace

bool PathFilter::TakesFile(const std::string& path) const {
  return !MatchesOne(exclude_, path) && (include_.empty() || MatchesOne(include_, path));
}

bool PathFilter::EntersFolder(const std::string& path) const { return !MatchesOne(exclude_, path); }

bool PathFilter::Reaches(const std::string& path) const {
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (!EntersFolder(path.substr(0, slash))) return false;
  }
  return TakesFile(path);
}

}  // namespace jet::base
