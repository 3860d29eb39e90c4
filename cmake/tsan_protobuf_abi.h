// Included first in ThreadSanitizer builds. protobuf's map fields have members of their own under
// ThreadSanitizer, which Debian's libprotobuf was built without: read them as the library does.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
