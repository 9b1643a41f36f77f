#!/bin/sh
# Builds i3desk.app and a disk image on macOS 12 or newer, from a clean checkout:  sh packaging/macos/build.sh
# Makes dist/i3desk.app, dist/i3desk-VERSION-macos-ARCH.dmg and dist/SHA256SUMS. The command line is inside:
#     ln -s /Applications/i3desk.app/Contents/MacOS/i3core /usr/local/bin/i3core
# Not signed: to pass the gatekeeper, sign and notarise it with an identity of your own (CODESIGN_IDENTITY is used if set).
set -eu
cd "$(dirname "$0")/../.."
sh packaging/build.sh --folder
licences=dist/i3desk/_internal/assets/licences.json
cp "$licences" "dist/i3desk.app/Contents/Resources/assets/licences.json"
ln -sf i3desk dist/i3desk.app/Contents/MacOS/i3core
codesign --force --deep --sign "${CODESIGN_IDENTITY:--}" dist/i3desk.app
dist/i3desk.app/Contents/MacOS/i3desk --smoke
version=$(build/venv-package/bin/python -c 'import i3core; print(i3core.__version__)')
image=i3desk-$version-macos-$(uname -m).dmg
rm -f "dist/$image"
hdiutil create -quiet -volname i3desk -srcfolder dist/i3desk.app -format UDZO "dist/$image"
(cd dist && shasum -a 256 "$image" >SHA256SUMS)
echo "dist/$image"
