#include "base/file_selection.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tests/base/child.h"
#include "tests/base/elf.h"
#include "tests/base/scratch_folder.h"

namespace jet::base {
namespace {

using test::ElfHeader;
using test::InChild;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

const char* WordOf(FileKind kind) {
  switch (kind) {
    case FileKind::kElf:
      return "elf";
    case FileKind::kScript:
      return "script";
    case FileKind::kObjectFile:
      return "object";
    case FileKind::kKernelModule:
      return "module";
    case FileKind::kDebugFile:
      return "debug";
    case FileKind::kOther:
      break;
  }
  return "other";
}

const char* WordOf(SkipReason reason) {
  switch (reason) {
    case SkipReason::kNotExecutable:
      return "not executable";
    case SkipReason::kUnwantedScript:
      return "unwanted script";
    case SkipReason::kSignatureFile:
      return "signature file";
    case SkipReason::kObjectFile:
      return "object";
    case SkipReason::kDebugFile:
      return "debug file";
    case SkipReason::kExcluded:
      return "excluded";
    case SkipReason::kSameInode:
      break;
  }
  return "same inode";
}

// Writes down what it is told, one line each, in order.
class Recorder : public FileSelectionObserver {
 public:
  void OnSelected(SelectedFile file) override {
    struct stat status = {};
    const bool good = fstat(file.fd.get(), &status) == 0 && status.st_ino == file.status.st_ino &&
                      (fcntl(file.fd.get(), F_GETFL) & O_ACCMODE) == O_RDONLY;
    lines.push_back(absl::StrCat(file.path, ": ", good ? WordOf(file.kind) : "bad descriptor"));
    paths_in_tree.push_back(file.path_in_tree);
    if (file.folder == nullptr) return;
    struct stat by_name = {};
    const int found = fstatat(file.folder->get(), file.name.c_str(), &by_name, AT_SYMLINK_NOFOLLOW);
    if (found == 0 && by_name.st_ino == file.status.st_ino) ++found_by_folder;
  }
  void OnSkipped(const std::string& path, SkipReason reason, int /*fd*/) override {
    lines.push_back(absl::StrCat(path, ": skipped, ", WordOf(reason)));
  }
  void OnNotEntered(const std::string& path) override {
    lines.push_back(absl::StrCat(path, ": not entered"));
  }
  void OnError(const std::string& path, const absl::Status& error) override {
    lines.push_back(absl::StrCat(path, ": ", error.ToString()));
  }

  std::vector<std::string> lines;
  std::vector<std::string> paths_in_tree;
  int found_by_folder = 0;
};

class FileSelectionTest : public testing::Test {
 protected:
  // Selects `names` in the folder; the folder's own path is written as "@" in the result.
  std::vector<std::string> Select(const std::vector<std::string>& names,
                                  const FileSelectionOptions& options = {}) const {
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(folder_.Path(name));
    Recorder recorder;
    SelectFiles(paths, options, recorder);
    for (std::string& line : recorder.lines) {
      line = absl::StrReplaceAll(line, {{folder_.path(), "@"}});
    }
    return recorder.lines;
  }

  void WriteElf(const std::string& name) const { folder_.Write(name, ElfHeader()); }

  static FileSelectionOptions Recursive() {
    FileSelectionOptions options;
    options.recursive = true;
    return options;
  }

  const test::ScratchFolder folder_;
};

TEST_F(FileSelectionTest, ANamedProgramIsSelected) {
  WriteElf("program");
  EXPECT_THAT(Select({"program"}), ElementsAre("@/program: elf"));
}

TEST_F(FileSelectionTest, ANamedFileThatIsNotElfNeedsAnyFile) {
  folder_.Write("text", "hello");
  EXPECT_THAT(Select({"text"}),
              ElementsAre(AllOf(StartsWith("@/text: FAILED_PRECONDITION: is not an ELF program"),
                                HasSubstr("--any-file"))));
  FileSelectionOptions options;
  options.any_file = true;
  EXPECT_THAT(Select({"text"}, options), ElementsAre("@/text: other"));
}

TEST_F(FileSelectionTest, AccessTimesCanBeLeftAlone) {
  for (const char* const name : {"tree/program", "named"}) {
    WriteElf(name);
    const std::string path = folder_.Path(name);
    const timespec times[] = {{1000, 0}, {2000, 0}};
    for (const bool leave : {false, true}) {
      ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
      FileSelectionOptions options;
      options.recursive = true;
      options.leave_access_times = leave;
      ASSERT_EQ(Select({*name == 't' ? "tree" : "named"}, options).size(), 1U);
      struct stat status = {};
      ASSERT_EQ(stat(path.c_str(), &status), 0);
      struct statvfs mounted = {};
      ASSERT_EQ(statvfs(path.c_str(), &mounted), 0);
      const bool kept_anyway = (mounted.f_flag & ST_NOATIME) != 0;
      EXPECT_EQ(status.st_atim.tv_sec == 1000, leave || kept_anyway) << name;
    }
  }
}

TEST_F(FileSelectionTest, ANamedEmptyFileIsNotElf) {
  folder_.Write("empty", "");
  EXPECT_THAT(Select({"empty"}), ElementsAre(HasSubstr("is not an ELF program")));
  FileSelectionOptions options;
  options.any_file = true;
  EXPECT_THAT(Select({"empty"}, options), ElementsAre("@/empty: other"));
}

TEST_F(FileSelectionTest, ANamedScriptNeedsScriptsOrAnyFile) {
  folder_.Write("script", "#!/bin/sh\n", 0755);
  EXPECT_THAT(Select({"script"}),
              ElementsAre(AllOf(StartsWith("@/script: FAILED_PRECONDITION: is a script"),
                                HasSubstr("--scripts"), HasSubstr("--any-file"))));
  FileSelectionOptions scripts;
  scripts.scripts = true;
  EXPECT_THAT(Select({"script"}, scripts), ElementsAre("@/script: script"));
  FileSelectionOptions any_file;
  any_file.any_file = true;
  EXPECT_THAT(Select({"script"}, any_file), ElementsAre("@/script: script"));
}

TEST_F(FileSelectionTest, AScriptThatMayNotBeExecutedIsNoScript) {
  folder_.Write("script", "#!/bin/sh\n", 0644);
  FileSelectionOptions options;
  options.scripts = true;
  EXPECT_THAT(Select({"script"}, options), ElementsAre(HasSubstr("is not an ELF program")));
}

TEST_F(FileSelectionTest, AMissingFileIsNotFound) {
  EXPECT_THAT(Select({"missing"}), ElementsAre(AllOf(StartsWith("@/missing: NOT_FOUND: "),
                                                     HasSubstr("No such file or directory"))));
}

TEST_F(FileSelectionTest, AFolderNeedsRecursive) {
  WriteElf("folder/program");
  EXPECT_THAT(Select({"folder"}),
              ElementsAre("@/folder: FAILED_PRECONDITION: is a folder: -r walks folders"));
  EXPECT_THAT(Select({"folder"}, Recursive()), ElementsAre("@/folder/program: elf"));
}

TEST_F(FileSelectionTest, AFifoIsRefusedWithoutBeingOpened) {
  ASSERT_EQ(mkfifo(folder_.Path("fifo").c_str(), 0600), 0);
  FileSelectionOptions options = Recursive();
  options.any_file = true;
  EXPECT_THAT(Select({"fifo"}, options),
              ElementsAre("@/fifo: INVALID_ARGUMENT: is a FIFO, not a regular file"));
}

TEST_F(FileSelectionTest, ADeviceIsRefused) {
  Recorder recorder;
  FileSelectionOptions options;
  options.any_file = true;
  SelectFiles({"/dev/null"}, options, recorder);
  EXPECT_THAT(recorder.lines,
              ElementsAre("/dev/null: INVALID_ARGUMENT: is a device, not a regular file"));
}

TEST_F(FileSelectionTest, ANamedLinkIsRefusedAndItsTargetNamed) {
  WriteElf("program");
  std::filesystem::create_symlink("program", folder_.Path("link"));
  EXPECT_THAT(
      Select({"link"}),
      ElementsAre(AllOf(StartsWith("@/link: FAILED_PRECONDITION: is a symbolic link to 'program'"),
                        HasSubstr("-H"))));
}

TEST_F(FileSelectionTest, ANamedLinkToAFolderIsRefusedToo) {
  WriteElf("folder/program");
  std::filesystem::create_directory_symlink("folder", folder_.Path("link"));
  EXPECT_THAT(Select({"link"}, Recursive()),
              ElementsAre(StartsWith("@/link: FAILED_PRECONDITION: is a symbolic link")));
}

class FollowedLinksTest : public FileSelectionTest {
 protected:
  static FileSelectionOptions Follow() {
    FileSelectionOptions options = Recursive();
    options.named_links = NamedLinks::kFollow;
    return options;
  }
};

TEST_F(FollowedLinksTest, TheTargetIsReportedUnderItsOwnPath) {
  WriteElf("program");
  std::filesystem::create_symlink("program", folder_.Path("first"));
  std::filesystem::create_symlink("first", folder_.Path("second"));
  EXPECT_THAT(Select({"second"}, Follow()), ElementsAre("@/program: elf"));
}

TEST_F(FollowedLinksTest, ALinkToAFolderIsWalked) {
  WriteElf("folder/program");
  std::filesystem::create_directory_symlink("folder", folder_.Path("link"));
  EXPECT_THAT(Select({"link"}, Follow()), ElementsAre("@/folder/program: elf"));
}

TEST_F(FollowedLinksTest, ADanglingLinkNamesItsTarget) {
  std::filesystem::create_symlink("nowhere", folder_.Path("link"));
  EXPECT_THAT(
      Select({"link"}, Follow()),
      ElementsAre(StartsWith("@/link: NOT_FOUND: cannot follow the symbolic link to 'nowhere': ")));
}

TEST_F(FollowedLinksTest, ALoopOfLinksIsAnError) {
  std::filesystem::create_symlink("two", folder_.Path("one"));
  std::filesystem::create_symlink("one", folder_.Path("two"));
  EXPECT_THAT(Select({"one"}, Follow()),
              ElementsAre(HasSubstr("Too many levels of symbolic links")));
}

TEST_F(FollowedLinksTest, ALinkToAFifoIsRefused) {
  ASSERT_EQ(mkfifo(folder_.Path("fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("fifo", folder_.Path("link"));
  EXPECT_THAT(Select({"link"}, Follow()),
              ElementsAre("@/fifo: INVALID_ARGUMENT: is a FIFO, not a regular file"));
}

TEST_F(FollowedLinksTest, LinksInsideATreeAreStillPassedOver) {
  WriteElf("outside");
  WriteElf("tree/program");
  std::filesystem::create_symlink("../outside", folder_.Path("tree/link"));
  EXPECT_THAT(Select({"tree"}, Follow()), ElementsAre("@/tree/program: elf"));
}

TEST_F(FollowedLinksTest, ALinkAndItsTargetAreTheSameFile) {
  WriteElf("program");
  std::filesystem::create_symlink("program", folder_.Path("link"));
  EXPECT_THAT(Select({"link", "program"}, Follow()),
              ElementsAre("@/program: elf", "@/program: skipped, same inode"));
}

TEST_F(FileSelectionTest, InATreeWhatIsNotWantedIsSkippedWithItsReason) {
  WriteElf("tree/program");
  folder_.Write("tree/script", "#!/bin/sh\n", 0755);
  folder_.Write("tree/text", "hello");
  folder_.Write("tree/empty", "");
  EXPECT_THAT(Select({"tree"}, Recursive()),
              UnorderedElementsAre("@/tree/program: elf", "@/tree/script: skipped, unwanted script",
                                   "@/tree/text: skipped, not executable",
                                   "@/tree/empty: skipped, not executable"));
  FileSelectionOptions scripts = Recursive();
  scripts.scripts = true;
  EXPECT_THAT(Select({"tree"}, scripts),
              UnorderedElementsAre("@/tree/program: elf", "@/tree/script: script",
                                   "@/tree/text: skipped, not executable",
                                   "@/tree/empty: skipped, not executable"));
  FileSelectionOptions any_file = Recursive();
  any_file.any_file = true;
  EXPECT_THAT(Select({"tree"}, any_file),
              UnorderedElementsAre("@/tree/program: elf", "@/tree/script: script",
                                   "@/tree/text: other", "@/tree/empty: other"));
}

TEST_F(FileSelectionTest, InATreeLinksAndFifosAreNotMentioned) {
  WriteElf("tree/program");
  std::filesystem::create_symlink("program", folder_.Path("tree/link"));
  ASSERT_EQ(mkfifo(folder_.Path("tree/fifo").c_str(), 0600), 0);
  EXPECT_THAT(Select({"tree"}, Recursive()), ElementsAre("@/tree/program: elf"));
}

TEST_F(FileSelectionTest, ASlashAtTheEndChangesNothing) {
  WriteElf("tree/program");
  EXPECT_THAT(Select({"tree/"}, Recursive()), ElementsAre("@/tree/program: elf"));
  EXPECT_THAT(Select({"tree///"}, Recursive()), ElementsAre("@/tree/program: elf"));
}

TEST_F(FileSelectionTest, TheRootFolderIsWalkedWithoutADoubleSlash) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  WriteElf("program");
  EXPECT_EQ(InChild([this]() -> std::string {
              if (chroot(folder_.path().c_str()) != 0 || chdir("/") != 0) return "no chroot";
              Recorder recorder;
              SelectFiles({"/"}, Recursive(), recorder);
              return absl::StrJoin(recorder.lines, ";");
            }),
            "/program: elf");
}

TEST_F(FileSelectionTest, HardLinksInATreeAreSelectedOnce) {
  WriteElf("tree/one");
  std::filesystem::create_hard_link(folder_.Path("tree/one"), folder_.Path("tree/two"));
  std::filesystem::create_hard_link(folder_.Path("tree/one"), folder_.Path("tree/three"));
  const std::vector<std::string> lines = Select({"tree"}, Recursive());
  EXPECT_THAT(lines, ElementsAre(EndsWith(": elf"), EndsWith(": skipped, same inode"),
                                 EndsWith(": skipped, same inode")));
}

TEST_F(FileSelectionTest, AFileNamedTwiceIsSelectedOnce) {
  WriteElf("tree/program");
  EXPECT_THAT(Select({"tree/program", "tree/../tree/program", "tree"}, Recursive()),
              ElementsAre("@/tree/program: elf", "@/tree/../tree/program: skipped, same inode",
                          "@/tree/program: skipped, same inode"));
}

TEST_F(FileSelectionTest, ATreeThatIsNamedInAnotherOneIsWalkedOnce) {
  WriteElf("tree/program");
  WriteElf("tree/below/inner");
  for (const auto& paths : {std::vector<std::string>{"tree", "tree/below", "tree"},
                            {"tree/below", "tree"},
                            {"tree/below/inner", "tree/below", "tree"}}) {
    EXPECT_THAT(Select(paths, Recursive()),
                testing::IsSupersetOf({"@/tree/program: elf", "@/tree/below/inner: elf"}));
  }
  EXPECT_THAT(Select({"tree", "tree/below"}, Recursive()),
              ElementsAre("@/tree/program: elf", "@/tree/below/inner: elf"));
  FileSelectionOptions every_name = Recursive();
  every_name.every_name = true;
  EXPECT_EQ(Select({"tree", "tree/below"}, every_name).size(), 3u);
}

TEST_F(FileSelectionTest, AFileThatIsNamedIsNotTakenByTheWalkThatMeetsIt) {
  WriteElf("tree/program");
  std::filesystem::create_hard_link(folder_.Path("tree/program"), folder_.Path("tree/link"));
  EXPECT_THAT(Select({"tree", "tree/program"}, Recursive()),
              UnorderedElementsAre("@/tree/program: skipped, same inode",
                                   "@/tree/link: skipped, same inode", "@/tree/program: elf"));
}

TEST_F(FileSelectionTest, PatternsChooseAmongWhatIsInFoldersByThePathBelowThem) {
  for (const char* name : {"t/a.so", "t/b.so", "t/sub/c.so", "t/skip/d.so", "t/program"}) {
    WriteElf(name);
  }
  FileSelectionOptions options = Recursive();
  options.filter = PathFilter({"*.so"}, {"sub/c.so", "skip", "b*"});
  EXPECT_THAT(Select({"t", "t/program"}, options),
              UnorderedElementsAre("@/t/a.so: elf", "@/t/b.so: skipped, excluded",
                                   "@/t/sub/c.so: skipped, excluded",
                                   "@/t/program: skipped, excluded", "@/t/program: elf"));
  // The pattern is for what is below the folder named, not for its own path.
  options.filter = PathFilter({}, {"t", "t/*"});
  EXPECT_THAT(Select({"t/sub"}, options), ElementsAre("@/t/sub/c.so: elf"));
}

TEST_F(FileSelectionTest, ObjectsAndDebugFilesAreSkippedAndSaid) {
  folder_.Write("t/object", ElfHeader({ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ET_REL}));
  folder_.Write("t/debug", test::ElfFile({}, {{".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR}}));
  folder_.Write("t/module", test::ElfFile({ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ET_REL},
                                          {{".modinfo", SHT_PROGBITS, SHF_ALLOC}}));
  EXPECT_THAT(Select({"t"}, Recursive()),
              UnorderedElementsAre("@/t/object: skipped, object", "@/t/debug: skipped, debug file",
                                   "@/t/module: skipped, object"));
  EXPECT_THAT(Select({"t/object"}), ElementsAre(HasSubstr("is an ELF object")));
  EXPECT_THAT(Select({"t/debug"}), ElementsAre(HasSubstr("is a separate debug file")));
  FileSelectionOptions modules = Recursive();
  modules.modules = true;
  EXPECT_THAT(Select({"t"}, modules),
              UnorderedElementsAre("@/t/object: skipped, object", "@/t/debug: skipped, debug file",
                                   "@/t/module: module"));
}

TEST_F(FileSelectionTest, AFileThatIsNotWantedIsNotRememberedAsSelected) {
  folder_.Write("text", "hello");
  EXPECT_THAT(Select({"text", "text"}),
              ElementsAre(HasSubstr("is not an ELF"), HasSubstr("is not an ELF")));
}

TEST_F(FileSelectionTest, FilesComeInTheOrderOfThePaths) {
  for (const char* name : {"c", "a", "b"}) WriteElf(name);
  EXPECT_THAT(Select({"c", "a", "b"}), ElementsAre("@/c: elf", "@/a: elf", "@/b: elf"));
}

TEST_F(FileSelectionTest, OneFailureDoesNotStopTheRest) {
  WriteElf("first");
  WriteElf("last");
  EXPECT_THAT(Select({"first", "missing", "last"}),
              ElementsAre("@/first: elf", HasSubstr("NOT_FOUND"), "@/last: elf"));
}

TEST_F(FileSelectionTest, FilesMayComeWithTheFolderTheyAreIn) {
  for (const char* name : {"tree/a/b/program", "tree/program", "named"}) WriteElf(name);
  FileSelectionOptions options = Recursive();
  Recorder without;
  SelectFiles({folder_.Path("tree"), folder_.Path("named")}, options, without);
  EXPECT_EQ(without.found_by_folder, 0);
  options.keep_folders = true;
  Recorder with;
  SelectFiles({folder_.Path("tree"), folder_.Path("named")}, options, with);
  EXPECT_EQ(with.found_by_folder, 3);
  EXPECT_THAT(with.paths_in_tree, UnorderedElementsAre("a/b/program", "program", ""));
}

TEST_F(FileSelectionTest, AFileInTheWorkingFolderComesWithItToo) {
  WriteElf("program");
  EXPECT_EQ(InChild([this]() -> std::string {
              if (chdir(folder_.path().c_str()) != 0) return "chdir";
              FileSelectionOptions options;
              options.keep_folders = true;
              Recorder recorder;
              SelectFiles({"program", "./program"}, options, recorder);
              return absl::StrCat(recorder.found_by_folder, ";",
                                  absl::StrJoin(recorder.lines, ";"));
            }),
            "1;program: elf;./program: skipped, same inode");
}

TEST_F(FileSelectionTest, EveryNameOfAnInodeIsSelectedWhenAsked) {
  WriteElf("tree/a");
  std::filesystem::create_hard_link(folder_.Path("tree/a"), folder_.Path("tree/b"));
  EXPECT_THAT(Select({"tree"}, Recursive()),
              UnorderedElementsAre(testing::EndsWith(": elf"), testing::EndsWith("same inode")));
  FileSelectionOptions options = Recursive();
  options.every_name = true;
  EXPECT_THAT(Select({"tree"}, options), UnorderedElementsAre("@/tree/a: elf", "@/tree/b: elf"));
}

TEST_F(FileSelectionTest, FilesThatHoldSignaturesArePassedOver) {
  WriteElf("tree/program");
  for (const char* name : {"program.sig", ".sig", "sig", ".x.0123456789abcdef.tmp", "manifest"}) {
    folder_.Write(absl::StrCat("tree/", name), "x");
  }
  FileSelectionOptions options = Recursive();
  options.any_file = true;
  EXPECT_THAT(Select({"tree"}, options), testing::SizeIs(6));
  options.signature_suffix = ".sig";
  struct stat manifest = {};
  ASSERT_EQ(stat(folder_.Path("tree/manifest").c_str(), &manifest), 0);
  options.signature_file = IdentityOf(manifest);
  EXPECT_THAT(Select({"tree"}, options),
              UnorderedElementsAre("@/tree/program: elf", "@/tree/sig: other",
                                   "@/tree/program.sig: skipped, signature file",
                                   "@/tree/.sig: skipped, signature file",
                                   "@/tree/.x.0123456789abcdef.tmp: skipped, signature file",
                                   "@/tree/manifest: skipped, signature file"));
  // Named ones too: a second "jet-sign --detached *" is no failure.
  options.any_file = false;
  EXPECT_THAT(Select({"tree/program.sig", "tree/manifest", "tree/program"}, options),
              ElementsAre("@/tree/program.sig: skipped, signature file",
                          "@/tree/manifest: skipped, signature file", "@/tree/program: elf"));
}

TEST_F(FileSelectionTest, NothingNamedIsNothingSelected) { EXPECT_THAT(Select({}), IsEmpty()); }

TEST_F(FileSelectionTest, AFileThatMayNotBeReadIsDenied) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  folder_.Write("secret", ElfHeader(), 0600);
  EXPECT_THAT(InChild([this] {
                test::BecomeUser(test::kNobody);
                return absl::StrJoin(Select({"secret"}), ";");
              }),
              AllOf(StartsWith("@/secret: PERMISSION_DENIED: "), HasSubstr("Permission denied")));
}

TEST_F(FileSelectionTest, OtherFileSystemsAreEnteredWhenAsked) {
  ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
  WriteElf("tree/program");
  folder_.MakeFolder("tree/mount");
  for (const bool crosses : {false, true}) {
    EXPECT_EQ(InChild([&]() -> std::string {
                test::EnterPrivateMounts();
                const std::string at = folder_.Path("tree/mount");
                if (mount("jet-test", at.c_str(), "tmpfs", 0, nullptr) != 0) return "no mount";
                WriteElf("tree/mount/inside");
                FileSelectionOptions options = Recursive();
                options.cross_file_systems = crosses;
                return absl::StrJoin(Select({"tree"}, options), ";");
              }),
              !crosses ? "@/tree/program: elf;@/tree/mount: not entered"
                       : "@/tree/program: elf;@/tree/mount/inside: elf");
  }
}

}  // namespace
}  // namespace jet::base
