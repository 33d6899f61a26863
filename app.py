"""python app.py [--model FOLDER|OWNER/NAME[@REVISION]] [--share] [--host HOST] [--port PORT] [--verbose]

Serves the page, as the command `skinapp-page` does: a photo of a skin lesion in, chances, a priority and the evidence out.
"""

import sys

from skinapp.serve import main

if __name__ == "__main__":
    sys.exit(main())
