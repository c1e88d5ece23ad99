// Says what a value of security.ima, in a file or on stdin, holds.
// usage: inspect < VALUE
// Exit status: 0 it is a signature, 1 it is something else.
#include <jet-ima/base/hex.h>
#include <jet-ima/ima/signature.h>

#include <iostream>
#include <iterator>

int main() {
  const jet::base::Bytes value{std::istreambuf_iterator<char>(std::cin), {}};
  const jet::ima::DecodedXattr decoded = jet::ima::DecodeXattr(value);
  if (decoded.defect != jet::ima::XattrDefect::kNone) {
    std::cout << "not usable: " << jet::ima::DescribeDefect(decoded) << '\n';
    return 1;
  }
  if (!decoded.is_signature()) {
    std::cout << "no signature, but a digest: " << jet::base::HexEncode(decoded.payload) << '\n';
    return 1;
  }
  const bool verity = decoded.kind() == jet::ima::SignatureKind::kVerity;
  std::cout << "signature over the " << (verity ? "fs-verity digest" : "content")
            << "\nversion: " << int{*decoded.version}
            << "\nhash: " << jet::ima::KernelHashName(*decoded.hash_id).value_or("unknown")
            << "\nkey id: " << jet::ima::KeyIdText(*decoded.key_id)
            << "\nsignature: " << decoded.payload.size() << " bytes\n";
  return 0;
}
