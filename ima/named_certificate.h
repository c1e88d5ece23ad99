// A certificate under the name by which people know it.
#ifndef JET_IMA_NAMED_CERTIFICATE_H_
#define JET_IMA_NAMED_CERTIFICATE_H_

#include <string>

#include "pki/certificate.h"

namespace jet::ima {

// A value.
struct NamedCertificate {
  std::string name;  // of the key in its store, or the path of the certificate's file
  // The certificate itself.
  pki::Certificate certificate;
};

}  // namespace jet::ima

#endif  // JET_IMA_NAMED_CERTIFICATE_H_
