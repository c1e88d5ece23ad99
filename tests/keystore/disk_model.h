// What a disk holds after a power cut: of everything that a program did, what it had synced.
#ifndef JET_TESTS_KEYSTORE_DISK_MODEL_H_
#define JET_TESTS_KEYSTORE_DISK_MODEL_H_

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/keystore/traced_run.h"

namespace jet::keystore {

// A folder and all below it, in two states: as programs see it, and as it is on the disk. A file's
// content is on the disk when the file was synced, an entry of a folder when the folder was. What
// is in between may be on the disk or not: an image chooses.
class DiskModel {
 public:
  // Takes over what is at `root`; all of it is on the disk.
  explicit DiskModel(std::string root);

  // Follows one call; those that failed, change nothing or are elsewhere are passed over. Throws
  // for a change that it does not know.
  void Apply(const SystemCall& call);

  // How many different images there are now: each folder with changes that are not synced has them
  // or not, and so have all files together.
  size_t ImageCount() const;

  // Makes image number `index`, from 0, at `target`, which must not exist. Image 0 has nothing that
  // was not synced.
  void MakeImage(size_t index, const std::string& target) const;

  // Returns what is in image number `index`; the same text for images that are alike.
  std::string DescribeImage(size_t index) const;

 private:
  struct Node {
    bool folder = false;
    mode_t mode = 0;
    std::string content;
    std::string synced_content;
    std::map<std::string, std::shared_ptr<Node>> entries;
    std::map<std::string, std::shared_ptr<Node>> synced_entries;
  };
  using NodePointer = std::shared_ptr<Node>;

  static NodePointer Load(const std::string& path);
  static void CollectUnsynced(const NodePointer& node, std::vector<const Node*>& unsynced);
  NodePointer Find(const std::string& path) const;  // null when there is none
  void Link(const std::string& path, NodePointer node);
  void Unlink(const std::string& path);
  void Rename(const SystemCall& call);
  const std::string& ContentIn(const Node& file, size_t index) const;
  const std::map<std::string, NodePointer>& EntriesIn(const Node& folder, size_t index) const;
  void Write(const Node& node, const std::string& target, size_t index) const;
  void Describe(const Node& node, size_t index, std::string& text) const;

  std::string root_path_;
  NodePointer root_;
};

}  // namespace jet::keystore

#endif  // JET_TESTS_KEYSTORE_DISK_MODEL_H_
