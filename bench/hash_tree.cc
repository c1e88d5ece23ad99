// Pure hashing, for bench/run to compare with: every file of a tree is read and its SHA-256
// computed by one thread for each processor. It looks at nothing, guards against nothing and stores
// nothing.
//
// usage: hash_tree DIR
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  return files;
}

bool Hash(const std::string& path, const EVP_MD* sha256, EVP_MD_CTX* context,
          std::vector<unsigned char>& buffer) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  (void)EVP_DigestInit_ex2(context, sha256, nullptr);
  ssize_t count = 0;
  while ((count = read(fd, buffer.data(), buffer.size())) > 0) {
    (void)EVP_DigestUpdate(context, buffer.data(), static_cast<size_t>(count));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  (void)EVP_DigestFinal_ex(context, digest.data(), nullptr);
  (void)close(fd);
  return count == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::vector<std::string> files = FilesBelow(argv[1]);
  std::atomic<size_t> next = 0;
  std::atomic<bool> good = true;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    threads.emplace_back([&] {
      EVP_MD* sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
      EVP_MD_CTX* context = EVP_MD_CTX_new();
      std::vector<unsigned char> buffer(256 * 1024);
      for (size_t i = next++; i < files.size(); i = next++) {
        if (!Hash(files[i], sha256, context, buffer)) good = false;
      }
      EVP_MD_CTX_free(context);
      EVP_MD_free(sha256);
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (!good) (void)std::fprintf(stderr, "hash_tree: a file could not be read\n");
  return good ? 0 : 1;
}
