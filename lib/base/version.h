/* version.h -- the version of the project, in --version and in the provenance of every stream.
 * SPDX-License-Identifier: MIT */
#ifndef VERSION_H
#define VERSION_H

#define VERSION_TEXT "0.1.0"

#endif
