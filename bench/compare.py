# SPDX-License-Identifier: Apache-2.0
import sys
from peers.main import main
sys.exit(main())
