#include "tests/keystore/disk_model.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/keystore/fixture.h"

namespace jet::keystore {
namespace {

std::string Absolute(const std::string& folder, const std::string& name) {
  return absl::StartsWith(name, "/") ? name : absl::StrCat(folder, "/", name);
}

std::pair<std::string, std::string> Split(const std::string& path) {
  const size_t slash = path.rfind('/');
  return {path.substr(0, slash), path.substr(slash + 1)};
}

mode_t ModeIn(const std::string& octal) {
  return static_cast<mode_t>(std::stoul(octal, nullptr, 8));
}

}  // namespace

DiskModel::DiskModel(std::string root) : root_path_(std::move(root)), root_(Load(root_path_)) {}

DiskModel::NodePointer DiskModel::Load(const std::string& path) {
  auto node = std::make_shared<Node>();
  node->folder = std::filesystem::is_directory(path);
  node->mode = ModeOf(path);
  if (node->folder) {
    for (const std::string& name : NamesIn(path)) {
      node->entries[name] = Load(absl::StrCat(path, "/", name));
    }
    node->synced_entries = node->entries;
  } else {
    node->content = node->synced_content = ContentOf(path);
  }
  return node;
}

DiskModel::NodePointer DiskModel::Find(const std::string& path) const {
  if (path == root_path_) return root_;
  if (!absl::StartsWith(path, absl::StrCat(root_path_, "/"))) return nullptr;
  NodePointer node = root_;
  const std::vector<std::string> names = absl::StrSplit(path.substr(root_path_.size() + 1), '/');
  for (const std::string& name : names) {
    const auto found = node->entries.find(name);
    if (found == node->entries.end()) return nullptr;
    node = found->second;
  }
  return node;
}

void DiskModel::Link(const std::string& path, NodePointer node) {
  const auto [folder, name] = Split(path);
  if (const NodePointer parent = Find(folder)) parent->entries[name] = std::move(node);
}

void DiskModel::Unlink(const std::string& path) {
  const auto [folder, name] = Split(path);
  if (const NodePointer parent = Find(folder)) parent->entries.erase(name);
}

void DiskModel::Apply(const SystemCall& call) {
  if (call.failed()) return;
  const std::vector<std::string>& args = call.arguments;
  if (call.name == "mkdir" || call.name == "mkdirat") {
    const bool at = call.name == "mkdirat";
    auto folder = std::make_shared<Node>();
    folder->folder = true;
    folder->mode = ModeIn(args[at ? 2 : 1]);
    Link(at ? Absolute(args[0], args[1]) : args[0], folder);
  } else if (call.name == "openat") {
    const std::string path = Absolute(args[0], args[1]);
    if (args[2].find("O_TRUNC") != std::string::npos) throw std::runtime_error("O_TRUNC");
    if (args[2].find("O_CREAT") == std::string::npos || Find(path) != nullptr) return;
    auto file = std::make_shared<Node>();
    file->mode = ModeIn(args[3]);
    Link(path, file);
  } else if (call.name == "write") {
    if (const NodePointer file = Find(args[0])) file->content += args[1];
  } else if (call.name == "fchmod") {
    if (const NodePointer node = Find(args[0])) node->mode = ModeIn(args[1]);
  } else if (call.name == "fsync") {
    if (const NodePointer node = Find(args[0])) {
      node->synced_content = node->content;
      node->synced_entries = node->entries;
    }
  } else if (call.name == "renameat" || call.name == "renameat2") {
    Rename(call);
  } else if (call.name == "unlinkat") {
    Unlink(Absolute(args[0], args[1]));
  } else if (std::any_of(args.begin(), args.end(), [this](const std::string& argument) {
               return absl::StartsWith(argument, root_path_);
             })) {
    throw std::runtime_error(absl::StrCat(call.name, " is not modelled"));
  }
}

void DiskModel::Rename(const SystemCall& call) {
  const std::vector<std::string>& args = call.arguments;
  const std::string from = Absolute(args[0], args[1]);
  const std::string to = Absolute(args[2], args[3]);
  NodePointer node = Find(from);
  if (node == nullptr) return;
  const NodePointer other = Find(to);
  Unlink(from);
  Link(to, std::move(node));
  if (call.name == "renameat2" && args[4] == "RENAME_EXCHANGE") Link(from, other);
}

void DiskModel::CollectUnsynced(const NodePointer& node, std::vector<const Node*>& unsynced) {
  if (!node->folder) return;
  const bool known = std::find(unsynced.begin(), unsynced.end(), node.get()) != unsynced.end();
  if (!known && node->entries != node->synced_entries) unsynced.push_back(node.get());
  for (const auto* entries : {&node->entries, &node->synced_entries}) {
    for (const auto& [name, entry] : *entries) CollectUnsynced(entry, unsynced);
  }
}

size_t DiskModel::ImageCount() const {
  std::vector<const Node*> unsynced;
  CollectUnsynced(root_, unsynced);
  return size_t{2} << unsynced.size();
}

void DiskModel::MakeImage(size_t index, const std::string& target) const {
  Write(*root_, target, index);
}

// Bit 0 of `index` chooses for the files, each further one for a folder.
const std::string& DiskModel::ContentIn(const Node& file, size_t index) const {
  return (index & 1U) != 0 ? file.content : file.synced_content;
}

const std::map<std::string, DiskModel::NodePointer>& DiskModel::EntriesIn(const Node& folder,
                                                                          size_t index) const {
  std::vector<const Node*> unsynced;
  CollectUnsynced(root_, unsynced);
  const auto bit = std::find(unsynced.begin(), unsynced.end(), &folder) - unsynced.begin();
  const bool now = ((index >> (static_cast<size_t>(bit) + 1)) & 1U) != 0;
  return now ? folder.entries : folder.synced_entries;
}

void DiskModel::Write(const Node& node, const std::string& target, size_t index) const {
  if (!node.folder) {
    std::ofstream(target, std::ios::binary) << ContentIn(node, index);
  } else {
    if (mkdir(target.c_str(), 0700) != 0) throw std::runtime_error(target);
    for (const auto& [name, entry] : EntriesIn(node, index)) {
      Write(*entry, absl::StrCat(target, "/", name), index);
    }
  }
  if (chmod(target.c_str(), node.mode) != 0) throw std::runtime_error(target);
}

std::string DiskModel::DescribeImage(size_t index) const {
  std::string text;
  Describe(*root_, index, text);
  return text;
}

void DiskModel::Describe(const Node& node, size_t index, std::string& text) const {
  absl::StrAppend(&text, node.mode, node.folder ? "{" : ":");
  if (!node.folder) {
    const std::string& content = ContentIn(node, index);
    absl::StrAppend(&text, content.size(), ":", content);
    return;
  }
  for (const auto& [name, entry] : EntriesIn(node, index)) {
    absl::StrAppend(&text, name, "/");
    Describe(*entry, index, text);
  }
  absl::StrAppend(&text, "}");
}

}  // namespace jet::keystore
